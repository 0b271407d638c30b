import type { IncomingMessage, ServerResponse } from 'node:http';
import { peerAddress } from '../access/address.js';
import { reasonOf } from '../errors.js';
import { answerError, rawErrorResponse, responseHead, statusOf } from '../http/answer.js';
import { corsHeaders } from '../http/cors.js';
import { receiverCounters } from '../metrics/counters.js';
import { streamLabels } from '../stream-name.js';
import type { DeliveryServices } from './delivery-services.js';
import { flvChunkedFormat, flvFormat } from './flv-formats.js';
import type { LentSocket } from './lent-socket.js';
import { findStream, PlaySession, type PlayTarget, type PlayWire } from './play-session.js';
import { reportSessionEnd } from './session-end.js';

const HEADERS = {
	'Content-Type': 'video/x-flv',
	'Cache-Control': 'no-store',
	// nginx in front of us would collect the stream before it passes it on.
	'X-Accel-Buffering': 'no',
	Connection: 'close',
};

/** Answers GET and HEAD of `/{app}/{name}.flv`. */
export async function playByHttp(
	services: DeliveryServices,
	request: IncomingMessage,
	response: ServerResponse,
	target: PlayTarget,
): Promise<void> {
	const cors = corsHeaders(request.headers.origin, services.config.http.corsOrigins);
	if (request.method === 'HEAD') {
		const found = await findStream(services, target, (giveUp) => response.once('close', giveUp));
		response.writeHead('code' in found ? statusOf(found.code) : 200, { ...cors, ...HEADERS }).end();
		return;
	}
	services.counters.add('sessionsAccepted', 1);
	const lent = request.socket as unknown as LentSocket;
	const address = peerAddress(request.socket);
	const startedAtMs = performance.now();
	const found = await findStream(services, target, (giveUp) => response.once('close', giveUp));
	// A response without its socket waits behind another one of the same connection.
	const socket = 'code' in found || response.socket === null ? null : lent.takeBack();
	if ('code' in found || socket === null) {
		const error = lent.destroyed || !('code' in found) ? reasonOf('PEER_GONE') : found;
		answerError(response, error, cors, { keepAlive: true });
		response.end();
		const facts = { protocol: 'http-flv', role: 'player', address, ...streamLabels(target.name) } as const;
		reportSessionEnd(services, { ...facts, startedAtMs }, error, { bytesIn: 0, bytesOut: 0 });
		return;
	}
	// Bytes to another process of this server are counted where they go on to viewers.
	const counters = receiverCounters(services.internal ? 'internal' : 'http-flv');
	new PlaySession(services, httpWire(request.httpVersion, cors, counters), socket, found, target).start();
}

function httpWire(
	httpVersion: string,
	cors: Readonly<Record<string, string>>,
	counters: PlayWire['counters'],
): PlayWire {
	const chunked = httpVersion !== '1.0';
	return {
		protocol: 'http-flv',
		format: chunked ? flvChunkedFormat : flvFormat,
		counters,
		open: (socket) => {
			const coding: Record<string, string> = chunked ? { 'Transfer-Encoding': 'chunked' } : {};
			socket.write(responseHead(200, { ...HEADERS, ...coding, ...cors }), 'latin1');
		},
		refuse: (socket, error) => {
			socket.write(rawErrorResponse(error, cors));
			socket.destroySoon();
		},
		finish: (socket, code) => {
			if (code === 'SUBSCRIBER_LAGGING') {
				socket.destroy();
			} else {
				socket.destroySoon();
			}
		},
	};
}
