// Spec: RFC 6455, sections 4.2.1 (client's opening handshake) and 7.4 (status codes).

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ErrorCode, Reason } from '../errors.js';
import { rawErrorResponse, statusOf } from '../http/answer.js';
import { LentSocket } from './lent-socket.js';

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const VERSION = '13';
/** A peer that does not answer our close frame is cut off. */
const CLOSE_TIMEOUT_MS = 5000;

/** Sub-protocols by which a peer says that it publishes although its path ends in `.flv` (Node-Media-Server). */
const PUSH_PROTOCOLS = ['post', 'publisher'];

const CLOSE_CODE: Readonly<Partial<Record<ErrorCode, number>>> = {
	PEER_GONE: 1000, // normal closure
	STREAM_ENDED: 1000,
	SERVER_STOPPING: 1001, // going away
	WS_PROTOCOL: 1003, // unsupported data
	FLV_SIGNATURE: 1007, // invalid payload data
	FLV_TAG: 1007,
	FLV_TAG_TOO_LARGE: 1009, // message too big
	SUBSCRIBER_LAGGING: 1013, // try again later
};
const POLICY_VIOLATION = 1008;
/** Private use: a refusal closes with this plus the HTTP status, 4404 for a stream that is not live. */
const REFUSAL = 4000;
/** RFC 6455, section 5.5: a control frame carries at most 125 bytes; two are the code. */
const MAX_CLOSE_FRAME_BYTES = 125;
const CLOSE_REASON = Buffer.alloc(MAX_CLOSE_FRAME_BYTES - 2);

export function closeCodeOf(code: ErrorCode): number {
	return CLOSE_CODE[code] ?? POLICY_VIOLATION;
}

/** True when `handshake` will be accepted. This is asked before anything is promised to the peer. */
export function isHandshake({ method, headers }: IncomingMessage): boolean {
	return (
		method === 'GET' &&
		headers.upgrade?.toLowerCase() === 'websocket' &&
		headers['sec-websocket-version'] === VERSION &&
		KEY.test(headers['sec-websocket-key'] ?? '')
	);
}

export function asksToPush({ headers }: IncomingMessage): boolean {
	const protocols = headers['sec-websocket-protocol']?.split(',') ?? [];
	return protocols.some((protocol) => PUSH_PROTOCOLS.includes(protocol.trim()));
}

/** The server's side of handshakes, for messages of up to `maxPayload` bytes. */
export class Handshaker {
	readonly #server: WebSocketServer;

	constructor(maxPayload: number) {
		// closeTimeout is missing in @types/ws.
		const options: ConstructorParameters<typeof WebSocketServer>[0] & { closeTimeout: number } = {
			noServer: true,
			clientTracking: false,
			perMessageDeflate: false,
			skipUTF8Validation: true,
			maxPayload,
			closeTimeout: CLOSE_TIMEOUT_MS,
		};
		this.#server = new WebSocketServer(options);
	}

	/** Answers the handshake. @returns null when it was refused after all, and the socket is being closed. */
	accept(request: IncomingMessage, socket: Socket, head: Buffer): WebSocket | null {
		let accepted: WebSocket | null = null;
		this.#server.handleUpgrade(request, socket, head, (webSocket) => {
			accepted = webSocket;
		});
		return accepted;
	}
}

/** A refused page has nothing to say. */
const refuser = new Handshaker(MAX_CLOSE_FRAME_BYTES);

/**
 * Refuses a handshake and closes. A page cannot read the status of a handshake that failed: with an `Origin`, the handshake is
 * accepted and the close frame says why. Everybody else gets an HTTP response with `headers`.
 */
export function refuseHandshake(
	request: IncomingMessage,
	connection: LentSocket | Socket,
	head: Buffer,
	error: Reason,
	headers: Readonly<Record<string, string>>,
): void {
	if (request.headers.origin === undefined || !isHandshake(request)) {
		connection.write(rawErrorResponse(error, headers));
		connection.destroySoon();
		return;
	}
	const socket = connection instanceof LentSocket ? connection.takeBack() : connection;
	socket?.on('error', () => socket.destroy());
	const webSocket = socket === null ? null : refuser.accept(request, socket, head);
	webSocket?.on('error', () => webSocket.terminate());
	webSocket?.close(REFUSAL + statusOf(error.code), closeReason(error.message));
	socket?.resume();
}

/** As much of a sentence as fits into a close frame, cut between characters. */
function closeReason(sentence: string): Buffer {
	const { written } = new TextEncoder().encodeInto(sentence, CLOSE_REASON);
	return CLOSE_REASON.subarray(0, written);
}
