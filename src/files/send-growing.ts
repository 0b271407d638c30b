import type { GrowingBody, Piece } from '../live/answer.js';
import { type Exchange, STALL_TIMEOUT_MS } from './respond.js';

/**
 * Answers GET or HEAD with a body that is still being made: each piece when there is it and the peer has taken the one before, so
 * nothing is queued for a slow one. `head`: header fields besides those of every answer.
 */
export function sendGrowing(exchange: Exchange, head: readonly string[], body: GrowingBody): void {
	const { request, response, fields, vary, done } = exchange;
	// A proxy that gathers the answer would take away what it is for.
	const buffering = ['X-Accel-Buffering', 'no'];
	response.writeHead(200, [...fields, ...head, ...buffering, ...(vary === '' ? [] : ['Vary', vary])]);
	if (request.method === 'HEAD') {
		response.end();
		done(200, 0);
	} else {
		sendPieces(exchange, body);
	}
}

function sendPieces({ response, done }: Exchange, body: GrowingBody): void {
	let sentBytes = 0;
	let callOff = nothing;
	const send = (index: number): void => {
		if (!response.destroyed) {
			callOff = body.piece(index, (piece) => write(index, piece));
		}
	};
	const write = (index: number, piece: Piece): void => {
		if (piece === 'lost') {
			response.destroy();
		} else if (piece === 'end') {
			response.end();
		} else {
			sentBytes += piece.length;
			const goOn = (): void => send(index + 1);
			if (response.write(piece)) {
				process.nextTick(goOn);
			} else {
				response.once('drain', goOn);
			}
		}
	};
	response.setTimeout(STALL_TIMEOUT_MS, () => response.destroy());
	response.once('close', () => {
		callOff();
		done(200, sentBytes);
	});
	send(0);
}

const nothing = (): void => undefined;
