import { type StreamName, streamName } from '../stream-name.js';
// Spec: RTMP 1.0, section 7.2.2.6 (publish); the FC commands as Flash Media Live Encoder and FMS exchange them

import { copyOf, type KeptBytes } from '../bytes/kept.js';
import { scriptName, scriptTagBody } from '../container/flv/script-data.js';
import { type ErrorCode, PeerError } from '../errors.js';
import { commandBody, onStatusBody } from '../protocol/rtmp/commands.js';
import { MessageType, splitAggregate, UserControlEvent } from '../protocol/rtmp/message.js';
import { joinQueries, type QueriedName } from './rtmp-names.js';
import type { Publication, StreamHost } from './rtmp-services.js';

/** Asks to forget the metadata. Whoever sends it is about to send other metadata or to stop. */
const CLEAR_DATA_FRAME = '@clearDataFrame';

/** One stream that a connection publishes, from the wish to the end. */
export class RtmpPublish {
	readonly role = 'publisher';
	readonly name: StreamName;
	readonly #host: StreamHost;
	readonly #messageStreamId: number;
	readonly #query: string;
	#publication: Publication | null = null;
	#closed = false;
	/** What came behind `publish` in the same read; nothing more is read before the verdict. */
	#early: { type: number; timestampMs: number; body: KeptBytes }[] = [];

	constructor(host: StreamHost, messageStreamId: number, { name, query }: QueriedName) {
		this.#host = host;
		this.#messageStreamId = messageStreamId;
		this.name = streamName(host.app, name);
		this.#query = joinQueries(host.appQuery, query);
	}

	/** Asks for the verdict; only after it the peer is told to start. Never rejects but for a defect of ours. */
	async start(): Promise<void> {
		const { connection, services, protocol, address } = this.#host;
		connection.maxMessageBytes = services.config.limits.maxMessageSize;
		// Some encoders send metadata and sequence headers without waiting, and they must not be lost.
		connection.hold();
		let publication: Publication;
		try {
			publication = await services.requests.open(
				this.name,
				{ protocol, address, query: this.#query },
				(code, message) => this.#revoked(code, message),
			);
		} catch (error) {
			if (!(error instanceof PeerError)) {
				throw error;
			}
			this.#refused(error);
			return;
		} finally {
			connection.release();
		}
		if (this.#closed) {
			publication.close('PEER_GONE');
			return;
		}
		this.#publication = publication;
		connection.sendUserControl(UserControlEvent.streamBegin, this.#messageStreamId);
		const started = { code: 'NetStream.Publish.Start', description: 'Publishing has started.' };
		connection.sendCommand(this.#messageStreamId, commandBody('onFCPublish', 0, null, started));
		this.#status('status', started.code, started.description);
		connection.guard(() => this.#pushEarly());
	}

	/** Takes any message on the publisher's message stream that is no command. `body` is borrowed until return. */
	push(type: number, timestampMs: number, body: Buffer): void {
		if (this.#publication === null) {
			if (!this.#closed) {
				this.#early.push({ type, timestampMs, body: copyOf(body) });
			}
			return;
		}
		switch (type) {
			case MessageType.audio:
			case MessageType.video:
				this.#publication.push(type, timestampMs, body);
				return;
			case MessageType.dataAmf0:
			case MessageType.dataAmf3:
				this.#pushData(this.#publication, timestampMs, scriptTagBody(body, type === MessageType.dataAmf3));
				return;
			case MessageType.aggregate:
				splitAggregate(body, timestampMs, (subType, subTimestampMs, subBody) => {
					if (subType !== MessageType.aggregate) {
						this.push(subType, subTimestampMs, subBody);
					}
				});
		}
	}

	/** Ends it without a word to the peer. */
	close(code: ErrorCode): void {
		this.#closed = true;
		this.#publication?.close(code);
		this.#publication = null;
	}

	/** Ends it and tells the peer. */
	stop(code: ErrorCode): void {
		if (!this.#closed) {
			this.close(code);
			this.#status('status', 'NetStream.Unpublish.Success', 'Publishing has ended.');
		}
	}

	#pushEarly(): void {
		const early = this.#early;
		this.#early = [];
		for (const { type, timestampMs, body } of early) {
			this.push(type, timestampMs, body);
		}
	}

	#pushData(publication: Publication, timestampMs: number, body: Uint8Array): void {
		if (scriptName(body) !== CLEAR_DATA_FRAME) {
			publication.push(MessageType.dataAmf0, timestampMs, body);
		}
	}

	#refused(error: PeerError): void {
		if (this.#closed) {
			return;
		}
		this.#closed = true;
		// Encoders know BadName as "somebody has that name" and Denied as "you may not".
		const isDenied = error.code === 'PUBLISH_REFUSED' || error.code === 'STREAM_LIMIT';
		this.#status('error', isDenied ? 'NetStream.Publish.Denied' : 'NetStream.Publish.BadName', error.message);
		this.#host.finished(this.#messageStreamId, error);
	}

	#revoked(code: ErrorCode, message: string): void {
		if (this.#closed) {
			return;
		}
		this.#closed = true;
		this.#publication = null;
		this.#status('error', 'NetStream.Publish.BadName', message);
		this.#host.finished(this.#messageStreamId, new PeerError(code, message));
	}

	#status(level: 'status' | 'error', code: string, description: string): void {
		this.#host.connection.sendCommand(this.#messageStreamId, onStatusBody(level, code, description));
	}
}
