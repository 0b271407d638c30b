// Spec: RTMP 1.0, sections 5.2 (Handshake) and 5.4 (Protocol Control Messages)

import type { Socket } from 'node:net';
import { PeerError, peerErrorOf } from '../../errors.js';
import { ChunkReader, type MessageHandler } from './chunk-reader.js';
import { serializeMessage } from './chunk-writer.js';
import {
	ChunkStreamId,
	DEFAULT_CHUNK_SIZE,
	MessageType,
	parseUint32Body,
	parseUserControl,
	peerBandwidthBody,
	UserControlEvent,
	uint32Body,
	userControlBody,
} from './message.js';

/** A connection's view of the handshake of either side. */
export type Handshake = { push(chunk: Buffer): Buffer | null };

export type ConnectionEvents = {
	/** The handshake is done. */
	opened?(): void;
	/** Every message but the protocol control and ping messages, which are answered here. `body` is borrowed until return. */
	message: MessageHandler;
	/** The connection is over; this is told once. Bytes that still arrive are thrown away. */
	closed(error: PeerError): void;
};

/** Answers that a peer may leave unread. A session needs a few hundred bytes of them. */
const MAX_UNREAD_ANSWER_BYTES = 64 * 1024;
/** A peer that was told goodbye has this long to read it. */
const LINGER_MS = 2000;
/** Acknowledgement window of a peer that has not named one. */
const DEFAULT_ACK_WINDOW_BYTES = 2_500_000;

/**
 * One RTMP connection over a socket, either side: handshake, chunks, acknowledgements, pings. It knows nothing of commands.
 * The owner feeds `receive` with what the socket reads.
 */
export class RtmpConnection {
	readonly socket: Socket;
	readonly #events: ConnectionEvents;
	readonly #reader: ChunkReader;
	#handshake: Handshake | null;
	#chunkSize = DEFAULT_CHUNK_SIZE;
	#closed = false;
	#bytesIn = 0;
	#peerAckWindow = DEFAULT_ACK_WINDOW_BYTES;
	#acknowledged = 0;
	/** Answers that the peer may not have read yet, and `bytesOut` after the last of them. */
	#answerBytes = 0;
	#answeredUpTo = 0;
	#holds = 0;

	/** @param maxMessageBytes limit of a message; raise it with `maxMessageBytes` once the peer has shown what it is. */
	constructor(
		socket: Socket,
		makeHandshake: (send: (bytes: Buffer) => void) => Handshake,
		maxMessageBytes: number,
		events: ConnectionEvents,
	) {
		this.socket = socket;
		this.#events = events;
		this.#reader = new ChunkReader(maxMessageBytes, (type, messageStreamId, timestampMs, body) =>
			this.#dispatch(type, messageStreamId, timestampMs, body),
		);
		this.#handshake = makeHandshake((bytes) => socket.write(bytes));
		socket.on('error', (error) => this.#finish(new PeerError('PEER_GONE', error.message)));
		socket.on('close', () => this.#finish(new PeerError('PEER_GONE')));
	}

	get closed(): boolean {
		return this.#closed;
	}

	/** Handshake included. */
	get bytesIn(): number {
		return this.#bytesIn;
	}

	get bytesOut(): number {
		return this.socket.bytesWritten;
	}

	/** Chunk size that we send with. */
	get chunkSize(): number {
		return this.#chunkSize;
	}

	set maxMessageBytes(bytes: number) {
		this.#reader.maxMessageBytes = bytes;
	}

	/** Takes bytes from the socket; `chunk` is borrowed until return. A PeerError within ends the connection. */
	receive(chunk: Buffer): void {
		if (this.#closed) {
			return;
		}
		this.#bytesIn += chunk.length;
		this.guard(() => this.#push(chunk));
		if (this.#bytesIn - this.#acknowledged >= this.#peerAckWindow / 2) {
			this.#acknowledged = this.#bytesIn;
			this.#sendControl(MessageType.acknowledgement, uint32Body(this.#bytesIn));
		}
	}

	/** Reads no more until each `hold` has met its `release`. What has been read already is still handed out. */
	hold(): void {
		this.#holds++;
		this.socket.pause();
	}

	release(): void {
		this.#holds--;
		if (this.#holds === 0) {
			this.socket.resume();
		}
	}

	/** Runs what takes in bytes of the peer: a PeerError within ends the connection. */
	guard(take: () => void): void {
		try {
			take();
		} catch (error) {
			this.destroy(peerErrorOf(error));
		}
	}

	/** Announces `size` and uses it from the next message on. */
	setChunkSize(size: number): void {
		this.#sendControl(MessageType.setChunkSize, uint32Body(size));
		this.#chunkSize = size;
	}

	/** Asks the peer to acknowledge every `windowBytes` and to send no more than that unacknowledged. */
	setWindow(windowBytes: number): void {
		this.#sendControl(MessageType.windowAckSize, uint32Body(windowBytes));
		this.#sendControl(MessageType.setPeerBandwidth, peerBandwidthBody(windowBytes));
	}

	sendUserControl(event: number, value: number): void {
		this.#sendControl(MessageType.userControl, userControlBody(event, value));
	}

	/** Asks for a sign of life; the answer shows in `bytesIn`. */
	ping(): void {
		this.sendUserControl(UserControlEvent.pingRequest, Math.trunc(performance.now()));
	}

	sendCommand(messageStreamId: number, body: Buffer): void {
		this.#sendAnswer(ChunkStreamId.command, MessageType.commandAmf0, messageStreamId, 0, body);
	}

	sendData(messageStreamId: number, body: Buffer): void {
		this.#sendAnswer(ChunkStreamId.data, MessageType.dataAmf0, messageStreamId, 0, body);
	}

	/** Writes what `serializeMessage` made. @returns false when the socket wants a pause until 'drain'. */
	write(bytes: Buffer): boolean {
		return this.#closed ? true : this.socket.write(bytes);
	}

	/** Ends the connection at once. */
	destroy(error: PeerError): void {
		this.socket.destroy();
		this.#finish(error);
	}

	/** Ends the connection after the peer has had time to read what was written. */
	end(error: PeerError): void {
		if (this.#closed) {
			return;
		}
		this.#finish(error);
		// Bytes that arrive meanwhile are read and thrown away. Closing on unread bytes would reset the connection and
		// lose the goodbye.
		this.socket.end();
		this.socket.resume();
		const linger = setTimeout(() => this.socket.destroy(), LINGER_MS);
		linger.unref();
		this.socket.once('close', () => clearTimeout(linger));
	}

	#finish(error: PeerError): void {
		if (!this.#closed) {
			this.#closed = true;
			this.#events.closed(error);
		}
	}

	#push(chunk: Buffer): void {
		if (this.#handshake === null) {
			this.#reader.push(chunk);
			return;
		}
		const rest = this.#handshake.push(chunk);
		if (rest !== null) {
			this.#handshake = null;
			this.#events.opened?.();
			this.#reader.push(rest);
		}
	}

	#dispatch(type: number, messageStreamId: number, timestampMs: number, body: Buffer): void {
		if (this.#closed) {
			return;
		}
		switch (type) {
			case MessageType.setChunkSize:
			case MessageType.abort:
			case MessageType.acknowledgement:
				return;
			case MessageType.setPeerBandwidth:
				this.#sendControl(MessageType.windowAckSize, uint32Body(parseUint32Body(body)));
				return;
			case MessageType.windowAckSize:
				this.#peerAckWindow = parseUint32Body(body) || DEFAULT_ACK_WINDOW_BYTES;
				return;
			case MessageType.userControl:
				this.#answerUserControl(body);
				return;
			default:
				this.#events.message(type, messageStreamId, timestampMs, body);
		}
	}

	#answerUserControl(body: Buffer): void {
		const control = parseUserControl(body);
		if (control?.event === UserControlEvent.pingRequest) {
			this.sendUserControl(UserControlEvent.pingResponse, control.value);
		}
	}

	#sendControl(type: number, body: Buffer): void {
		this.#sendAnswer(ChunkStreamId.control, type, 0, 0, body);
	}

	#sendAnswer(chunkStreamId: number, type: number, messageStreamId: number, timestampMs: number, body: Buffer): void {
		if (this.#closed) {
			return;
		}
		const bytes = serializeMessage(this.#chunkSize, chunkStreamId, type, messageStreamId, timestampMs, body);
		const { socket } = this;
		if (socket.bytesWritten - socket.writableLength >= this.#answeredUpTo) {
			this.#answerBytes = 0;
		}
		this.#answerBytes += bytes.length;
		if (this.#answerBytes > MAX_UNREAD_ANSWER_BYTES) {
			this.destroy(new PeerError('BUFFER_FULL'));
			return;
		}
		socket.write(bytes);
		this.#answeredUpTo = socket.bytesWritten;
	}
}
