// Spec: RTMP 1.0, section 7.3 (Message Exchange Examples)

import net from 'node:net';
import tls from 'node:tls';
import { type AmfObject, type AmfValue, amfNumber, amfProperty, amfString } from '../../codec/amf-value.js';
import { type ErrorCode, PeerError } from '../../errors.js';
import { serializeMessage } from './chunk-writer.js';
import { CapsEx, type Command, commandBody, parseCommand } from './commands.js';
import { type ConnectionEvents, RtmpConnection } from './connection.js';
import { ClientHandshake } from './handshake.js';
import { ChunkStreamId, MessageType, UserControlEvent } from './message.js';
import type { RtmpUrl } from './url.js';

export type RtmpClientOptions = {
	/** Chunk size that we send with. */
	chunkSize?: number;
	/** Sign the handshake, as flash media servers want it. */
	signed?: boolean;
	maxMessageBytes?: number;
	/** The time that TCP, the handshake and each command may take. */
	timeoutMs?: number;
	/** Options of rtmps, for example `ca` or `rejectUnauthorized`. */
	tls?: tls.ConnectionOptions;
	/** Laid over the properties of connect. */
	connectProperties?: AmfObject;
	/** Every onStatus after the one that a call waits for. */
	onStatus?: (code: string, description: string) => void;
};

/** A media message that arrived. `body` is borrowed until return. */
export type MediaHandler = (type: number, timestampMs: number, body: Buffer) => void;

/** A call that waits for the answer to a transaction, or for a status of one of these codes. */
type Waiting = {
	transactionId: number;
	codes: readonly string[];
	refusal: ErrorCode;
	resolve: (command: Command) => void;
	reject: (error: PeerError) => void;
	timer: NodeJS.Timeout;
};

const DEFAULT_SENDING_CHUNK_SIZE = 60_000;
const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 10_000;
const READ_BUFFER_BYTES = 16 * 1024;
const PLAYER_BUFFER_MS = 1000;
const FLASH_VERSION = 'FMLE/3.0 (compatible; Millrace)';
const CAN_DECODE_AND_ENCODE = 3;
const CHUNK_STREAM_OF_TYPE: { readonly [type: number]: number } = {
	[MessageType.audio]: ChunkStreamId.audio,
	[MessageType.video]: ChunkStreamId.video,
};

/**
 * An RTMP client: publishes or plays one stream. Light enough that one process runs a thousand: a player's bytes are read
 * into one buffer of 16 KiB, and its messages are views of it.
 */
export class RtmpClient {
	readonly #connection: RtmpConnection;
	readonly #chunkSize: number;
	readonly #timeoutMs: number;
	readonly #onStatus: (code: string, description: string) => void;
	readonly #waiting = new Set<Waiting>();
	readonly #closed: Promise<PeerError>;
	#onMedia: MediaHandler | null = null;
	#nextTransactionId = 1;
	#messageStreamId = 0;

	private constructor(url: RtmpUrl, options: RtmpClientOptions, opened: () => void) {
		this.#chunkSize = options.chunkSize ?? DEFAULT_SENDING_CHUNK_SIZE;
		this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
		this.#onStatus = options.onStatus ?? (() => undefined);
		let closed: (error: PeerError) => void;
		this.#closed = new Promise((resolve) => {
			closed = resolve;
		});
		const events: ConnectionEvents = {
			opened,
			message: (type, _messageStreamId, timestampMs, body) => this.#receive(type, timestampMs, body),
			closed: (error) => {
				for (const waiting of [...this.#waiting]) {
					this.#settle(waiting);
					waiting.reject(error);
				}
				closed(error);
			},
		};
		const socket = openSocket(url, options, (chunk) => this.#connection.receive(chunk));
		socket.setNoDelay(true);
		this.#connection = new RtmpConnection(
			socket,
			(send) => new ClientHandshake(send, options.signed ?? false),
			options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
			events,
		);
	}

	/**
	 * Connects to the app of `url`.
	 * @throws PeerError PEER_GONE, HANDSHAKE_TIMEOUT, RTMP_COMMAND when the server refuses, or another code of the wire.
	 */
	static async connect(url: RtmpUrl, options: RtmpClientOptions = {}): Promise<RtmpClient> {
		let opened: () => void = () => undefined;
		const handshake = new Promise<void>((resolve) => {
			opened = resolve;
		});
		const client = new RtmpClient(url, options, () => opened());
		const timer = setTimeout(() => client.#fail('HANDSHAKE_TIMEOUT'), client.#timeoutMs);
		const failure = await Promise.race([handshake, client.#closed]);
		clearTimeout(timer);
		if (failure !== undefined) {
			throw failure;
		}
		client.#connection.setChunkSize(client.#chunkSize);
		await client.#call('connect', 'RTMP_COMMAND', [], {
			app: url.app,
			type: 'nonprivate',
			flashVer: FLASH_VERSION,
			tcUrl: url.tcUrl,
			fourCcList: ['*'],
			videoFourCcInfoMap: { '*': CAN_DECODE_AND_ENCODE },
			audioFourCcInfoMap: { '*': CAN_DECODE_AND_ENCODE },
			capsEx: CapsEx.reconnect | CapsEx.multitrack | CapsEx.modEx,
			...options.connectProperties,
		});
		return client;
	}

	/** Resolves when the connection is over, with the reason; PEER_GONE after `close`, too. */
	get closed(): Promise<PeerError> {
		return this.#closed;
	}

	get bytesIn(): number {
		return this.#connection.bytesIn;
	}

	get bytesOut(): number {
		return this.#connection.bytesOut;
	}

	/** The socket, for tests that pause it or cut it. */
	get socket(): net.Socket {
		return this.#connection.socket;
	}

	/**
	 * Starts to publish `streamName` (which may carry a query).
	 * @throws PeerError PUBLISH_REFUSED with the server's code and description.
	 */
	async publish(streamName: string): Promise<void> {
		this.#send('releaseStream', null, streamName);
		this.#send('FCPublish', null, streamName);
		await this.#createStream();
		await this.#call('publish', 'PUBLISH_REFUSED', ['NetStream.Publish.Start'], null, streamName, 'live');
	}

	/** Starts to play `streamName`; media goes to `onMedia`. @throws PeerError STREAM_NOT_FOUND. */
	async play(streamName: string, onMedia: MediaHandler): Promise<void> {
		this.#onMedia = onMedia;
		await this.#createStream();
		this.#connection.sendUserControl(UserControlEvent.setBufferLength, PLAYER_BUFFER_MS);
		await this.#call('play', 'STREAM_NOT_FOUND', ['NetStream.Play.Start'], null, streamName, -2000);
	}

	/**
	 * Sends a media or data message on the stream of `publish`. `body` is copied; `timestampMs` is a uint32.
	 * @returns false when the socket has enough for now: wait for `drained` before the next.
	 */
	writeMessage(type: number, timestampMs: number, body: Uint8Array): boolean {
		const chunkStreamId = CHUNK_STREAM_OF_TYPE[type] ?? ChunkStreamId.data;
		const { chunkSize } = this.#connection;
		return this.#connection.write(
			serializeMessage(chunkSize, chunkStreamId, type, this.#messageStreamId, timestampMs, body),
		);
	}

	/** Resolves when the socket takes more, or is closed. */
	async drained(): Promise<void> {
		const { socket } = this.#connection;
		if (socket.writableNeedDrain && !this.#connection.closed) {
			await Promise.race([new Promise<void>((resolve) => socket.once('drain', resolve)), this.#closed]);
		}
	}

	/** Calls a method of the server's application. @returns what follows the command object. @throws PeerError RTMP_COMMAND. */
	async call(name: string, ...args: AmfValue[]): Promise<AmfValue[]> {
		return (await this.#call(name, 'RTMP_COMMAND', [], null, ...args)).args;
	}

	/** Sends a command that wants no answer. */
	sendCommand(name: string, ...args: AmfValue[]): void {
		this.#connection.sendCommand(this.#messageStreamId, commandBody(name, 0, null, ...args));
	}

	/** Says goodbye and closes. */
	close(): void {
		if (this.#messageStreamId !== 0) {
			this.#send('deleteStream', null, this.#messageStreamId);
		}
		this.#connection.end(new PeerError('PEER_GONE', 'closed by us'));
	}

	async #createStream(): Promise<void> {
		const answer = await this.#call('createStream', 'RTMP_COMMAND', [], null);
		this.#messageStreamId = amfNumber(answer.args[0]) ?? 1;
	}

	#send(name: string, object: AmfValue, ...args: AmfValue[]): number {
		const transactionId = this.#nextTransactionId++;
		const onStream = name === 'publish' || name === 'play' ? this.#messageStreamId : 0;
		this.#connection.sendCommand(onStream, commandBody(name, transactionId, object, ...args));
		return transactionId;
	}

	/** Sends a command and waits for its `_result`, or for an onStatus with one of `codes` when there are any. */
	#call(
		name: string,
		refusal: ErrorCode,
		codes: readonly string[],
		object: AmfValue,
		...args: AmfValue[]
	): Promise<Command> {
		return new Promise((resolve, reject) => {
			const transactionId = this.#send(name, object, ...args);
			const timer = setTimeout(() => this.#fail('HANDSHAKE_TIMEOUT', `no answer to ${name}`), this.#timeoutMs);
			this.#waiting.add({ transactionId, codes, refusal, resolve, reject, timer });
		});
	}

	#settle(waiting: Waiting): void {
		clearTimeout(waiting.timer);
		this.#waiting.delete(waiting);
	}

	#fail(code: ErrorCode, detail?: string): void {
		this.#connection.destroy(new PeerError(code, detail));
	}

	#receive(type: number, timestampMs: number, body: Buffer): void {
		if (type === MessageType.commandAmf0 || type === MessageType.commandAmf3) {
			this.#receiveCommand(parseCommand(type, body));
		} else {
			this.#onMedia?.(type, timestampMs, body);
		}
	}

	#receiveCommand(command: Command): void {
		const info = command.args[0];
		const code = amfString(amfProperty(info, 'code')) ?? '';
		const description = amfString(amfProperty(info, 'description')) ?? '';
		const isStatus = command.name === 'onStatus';
		const isError = command.name === '_error' || (isStatus && amfProperty(info, 'level') === 'error');
		for (const waiting of this.#waiting) {
			const answered = isStatus
				? waiting.codes.includes(code) || (isError && waiting.codes.length > 0)
				: command.transactionId === waiting.transactionId && (isError || waiting.codes.length === 0);
			if (answered) {
				this.#settle(waiting);
				if (isError) {
					waiting.reject(new PeerError(waiting.refusal, `${code} ${description}`.trim()));
				} else {
					waiting.resolve(command);
				}
				return;
			}
		}
		if (isStatus) {
			this.#onStatus(code, description);
		}
	}
}

/** Opens the socket of `url` and feeds `receive`, from one buffer where Node offers that (not for TLS). */
function openSocket(url: RtmpUrl, options: RtmpClientOptions, receive: (chunk: Buffer) => void): net.Socket {
	if (url.secure) {
		const servername = net.isIP(url.host) === 0 ? { servername: url.host } : {};
		const socket = tls.connect({ host: url.host, port: url.port, ...servername, ...options.tls });
		return socket.on('data', receive);
	}
	const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
	const callback = (length: number): boolean => {
		receive(buffer.subarray(0, length));
		return true;
	};
	return net.connect({ host: url.host, port: url.port, onread: { buffer, callback } });
}
