import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { peerAddress } from '../access/address.js';
import { type ErrorCode, type Reason, reasonOf } from '../errors.js';
import { corsHeaders } from '../http/cors.js';
import { receiverCounters } from '../metrics/counters.js';
import { streamLabels } from '../stream-name.js';
import type { DeliveryServices } from './delivery-services.js';
import { flvWebSocketFormat } from './flv-formats.js';
import type { LentSocket } from './lent-socket.js';
import { findStream, PlaySession, type PlayTarget, type PlayWire } from './play-session.js';
import { reportSessionEnd } from './session-end.js';
import { closeCodeOf, Handshaker, refuseHandshake } from './web-socket.js';

/** Viewers have nothing to say; some players send a word to keep the connection alive. */
const MAX_MESSAGE_BYTES = 4096;

const handshaker = new Handshaker(MAX_MESSAGE_BYTES);

/** Answers a WebSocket handshake on `/{app}/{name}.flv`. A stream that is not there is a 404, before any upgrade. */
export async function playByWebSocket(
	services: DeliveryServices,
	request: IncomingMessage,
	lent: LentSocket,
	head: Buffer,
	target: PlayTarget,
): Promise<void> {
	services.counters.add('sessionsAccepted', 1);
	const cors = corsHeaders(request.headers.origin, services.config.http.corsOrigins);
	const address = peerAddress(lent);
	const startedAtMs = performance.now();
	const found = await findStream(services, target, (giveUp) => lent.once('close', giveUp));
	const socket = 'code' in found ? null : lent.takeBack();
	if ('code' in found || socket === null) {
		const error = lent.destroyed || !('code' in found) ? reasonOf('PEER_GONE') : found;
		refuseHandshake(request, lent, head, error, cors);
		const facts = { protocol: 'ws-flv', role: 'player', address, ...streamLabels(target.name) } as const;
		reportSessionEnd(services, { ...facts, startedAtMs }, error, { bytesIn: 0, bytesOut: 0 });
		return;
	}
	new PlaySession(services, new WebSocketWire(request, head, cors), socket, found, target).start();
}

/** FLV in binary messages. ws does the handshake and the control frames; media goes to the socket past it, in whole frames. */
class WebSocketWire implements PlayWire {
	readonly protocol = 'ws-flv';
	readonly format = flvWebSocketFormat;
	readonly counters = receiverCounters('ws-flv');
	readonly #cors: Record<string, string>;
	/** Until it is answered. */
	#handshake: { request: IncomingMessage; head: Buffer } | null;
	#webSocket: WebSocket | null = null;

	constructor(request: IncomingMessage, head: Buffer, cors: Record<string, string>) {
		this.#handshake = { request, head };
		this.#cors = cors;
	}

	open(socket: Socket): void {
		const { request, head } = this.#handshake!;
		this.#handshake = null;
		this.#webSocket = handshaker.accept(request, socket, head);
		this.#webSocket?.on('error', giveUp);
	}

	refuse(socket: Socket, error: Reason): void {
		const { request, head } = this.#handshake!;
		refuseHandshake(request, socket, head, error, this.#cors);
	}

	finish(socket: Socket, code: ErrorCode): void {
		if (this.#webSocket === null || code === 'SUBSCRIBER_LAGGING') {
			socket.destroy();
		} else {
			this.#webSocket.close(closeCodeOf(code), code);
		}
	}
}

/** ws has sent a close frame already; there is nothing to wait for. */
function giveUp(this: WebSocket): void {
	this.terminate();
}
