import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { peerAddress } from '../access/address.js';
import { type Reason, reasonOf } from '../errors.js';
import type { LentSocket } from './lent-socket.js';
import type { PushSession, PushWire } from './push-session.js';
import { closeCodeOf, Handshaker, refuseHandshake } from './web-socket.js';

/** Messages are cut anywhere: one may hold many tags. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Close codes of a peer that has finished: normal closure, going away, none given. */
const FINISHED = [1000, 1001, 1005];

const handshaker = new Handshaker(MAX_MESSAGE_BYTES);

/** A push by WebSocket messages. The verdict comes before the upgrade: a refusal is an HTTP response. */
export class WsPushWire implements PushWire {
	readonly protocol = 'ws-flv';
	readonly address: string;
	readonly #request: IncomingMessage;
	readonly #lent: LentSocket;
	readonly #head: Buffer;
	readonly #headers: Readonly<Record<string, string>>;
	#webSocket: WebSocket | null = null;

	constructor(request: IncomingMessage, lent: LentSocket, head: Buffer, headers: Readonly<Record<string, string>>) {
		this.#request = request;
		this.#lent = lent;
		this.#head = head;
		this.#headers = headers;
		this.address = peerAddress(lent);
	}

	/** Ends `session` when the peer goes away before the upgrade. */
	watch(session: PushSession): void {
		this.#lent.once('close', () => {
			if (this.#webSocket === null) {
				session.abort(reasonOf('PEER_GONE'));
			}
		});
	}

	open(session: PushSession): void {
		const socket = this.#lent.takeBack();
		const webSocket = socket === null ? null : handshaker.accept(this.#request, socket, this.#head);
		this.#webSocket = webSocket;
		if (webSocket === null) {
			session.abort(reasonOf('PEER_GONE'));
			return;
		}
		socket?.resume();
		webSocket.on('message', (message, isBinary) => {
			if (isBinary) {
				session.take(message as Buffer);
			} else {
				session.abort(reasonOf('WS_PROTOCOL', 'text message'));
			}
		});
		webSocket.on('error', (error) => session.abort(reasonOf('WS_PROTOCOL', error.message)));
		webSocket.on('close', (code) => {
			if (FINISHED.includes(code)) {
				session.finish();
			} else {
				session.abort(reasonOf('PEER_GONE'));
			}
		});
	}

	pause(): void {
		this.#webSocket?.pause();
	}

	resume(): void {
		this.#webSocket?.resume();
	}

	close(error: Reason): void {
		if (this.#webSocket !== null) {
			// A paused one would not see the answer to our close frame.
			this.#webSocket.resume();
			this.#webSocket.close(closeCodeOf(error.code), error.code);
		} else if (!this.#lent.destroyed) {
			refuseHandshake(this.#request, this.#lent, this.#head, error, this.#headers);
		}
	}
}
