// Spec: Adobe RTMP 1.0, sections 5.2 (simple handshake), 5.4 and 7.2 (commands). Written apart from src/protocol/rtmp on purpose.

import { type AmfValue, decodeAmf, encodeAmf, membersOf } from './amf0.js';
import type { Tag } from './flv-scanner.js';
import { ChunkReader, encodeMessage, MessageType, type RtmpMessage } from './rtmp-chunks.js';

const HANDSHAKE_BYTES = 1536;
const COMMAND_CSID = 3;
const PING_REQUEST = 6;
const PING_RESPONSE = 7;

/** Chunk size that publishers send with: every frame of the bench in one chunk, and no server refuses it. */
export const OUT_CHUNK_BYTES = 60_000;

export type RtmpClientEvents = {
	/** `NetStream.Play.Start` or `NetStream.Publish.Start` arrived. */
	started: (streamId: number) => void;
	/** A media or data message. The body belongs to the receiver. */
	tag?: (tag: Tag) => void;
};

/** One RTMP client: handshake, connect, createStream, then play or publish. Throws an Error when the server refuses. */
export class RtmpClient {
	readonly #app: string;
	readonly #name: string;
	readonly #tcUrl: string;
	readonly #role: 'play' | 'publish';
	readonly #send: (bytes: Buffer) => void;
	readonly #events: RtmpClientEvents;
	readonly #chunks = new ChunkReader((message) => this.#onMessage(message));
	#handshake: Buffer | null = Buffer.alloc(0);
	/** Bytes after which the server wants an acknowledgement; 0 = never. */
	windowAckSize = 0;

	constructor(url: URL, role: 'play' | 'publish', send: (bytes: Buffer) => void, events: RtmpClientEvents) {
		const [app = '', ...name] = url.pathname.slice(1).split('/');
		this.#app = app;
		this.#name = `${name.join('/')}${url.search}`;
		this.#tcUrl = `rtmp://${url.host}/${app}`;
		this.#role = role;
		this.#send = send;
		this.#events = events;
	}

	/** To be called when the socket is connected. */
	start(): void {
		const c0c1 = Buffer.alloc(1 + HANDSHAKE_BYTES, 0x5a);
		c0c1[0] = 3;
		c0c1.fill(0, 1, 9);
		this.#send(c0c1);
	}

	/** `bytes` is borrowed until return. */
	push(bytes: Buffer): void {
		if (this.#handshake === null) {
			this.#chunks.push(bytes);
			return;
		}
		const data = Buffer.concat([this.#handshake, bytes]);
		this.#handshake = data;
		if (data.length < 1 + 2 * HANDSHAKE_BYTES) {
			return;
		}
		if (data[0] !== 3) {
			throw new Error(`RTMP version ${data[0]}`);
		}
		this.#handshake = null;
		this.#send(Buffer.from(data.subarray(1, 1 + HANDSHAKE_BYTES)));
		this.#sendControl(MessageType.setChunkSize, OUT_CHUNK_BYTES);
		const app = { app: this.#app, type: 'nonprivate', flashVer: 'FMLE/3.0', tcUrl: this.#tcUrl };
		this.#command(0, 'connect', 1, app);
		this.#chunks.push(data.subarray(1 + 2 * HANDSHAKE_BYTES));
	}

	/** Tells the server that `bytes` have arrived so far. */
	acknowledge(bytes: number): void {
		this.#sendControl(3, bytes % 2 ** 32);
	}

	#sendControl(type: number, value: number): void {
		const body = Buffer.alloc(4);
		body.writeUInt32BE(value);
		this.#send(encodeMessage({ type, timestampMs: 0, streamId: 0, body }, 2, OUT_CHUNK_BYTES));
	}

	#command(streamId: number, ...values: AmfValue[]): void {
		const message = { type: MessageType.command, timestampMs: 0, streamId, body: encodeAmf(values) };
		this.#send(encodeMessage(message, COMMAND_CSID, OUT_CHUNK_BYTES));
	}

	#onMessage(message: RtmpMessage): void {
		const { type, body, streamId } = message;
		if (type === MessageType.audio || type === MessageType.video || type === MessageType.data) {
			this.#events.tag?.({ type, dtsMs: message.timestampMs, body });
		} else if (type === MessageType.windowAckSize) {
			this.windowAckSize = body.readUInt32BE(0);
		} else if (type === MessageType.userControl && body.readUInt16BE(0) === PING_REQUEST) {
			const pong = Buffer.from(body);
			pong.writeUInt16BE(PING_RESPONSE);
			this.#send(encodeMessage({ type, timestampMs: 0, streamId: 0, body: pong }, 2, OUT_CHUNK_BYTES));
		} else if (type === MessageType.command) {
			this.#onCommand(streamId, decodeAmf(body));
		}
	}

	#onCommand(streamId: number, [name, transaction, , result]: AmfValue[]): void {
		const { level, code, description } = membersOf(result);
		if (name === '_error' || level === 'error') {
			throw new Error(`refused: ${[code, description].filter((text) => typeof text === 'string').join(' ')}`);
		}
		if (name === '_result' && transaction === 1) {
			if (this.#role === 'publish') {
				this.#command(0, 'releaseStream', 2, null, this.#name);
				this.#command(0, 'FCPublish', 3, null, this.#name);
			}
			this.#command(0, 'createStream', 4, null);
		} else if (name === '_result' && transaction === 4 && typeof result === 'number') {
			if (this.#role === 'publish') {
				this.#command(result, 'publish', 5, null, this.#name, 'live');
			} else {
				this.#command(result, 'play', 5, null, this.#name, -2000);
			}
		} else if (name === 'onStatus') {
			if (code === 'NetStream.Play.Start' || code === 'NetStream.Publish.Start') {
				this.#events.started(streamId);
			}
		}
	}
}
