// Spec: RTMP 1.0, section 7.2.2.6 (publish); the FC commands as Flash Media Live Encoder and FMS exchange them

import { copyOf, type KeptBytes } from '../bytes/kept.js';
import { scriptName, scriptTagBody } from '../container/flv/script-data.js';
import { type ErrorCode, PeerError, peerErrorOf } from '../errors.js';
import { commandBody, onStatusBody } from '../protocol/rtmp/commands.js';
import { MessageType, splitAggregate, UserControlEvent } from '../protocol/rtmp/message.js';
import { Held } from '../stream/publish/held.js';
import type { StreamName } from '../stream-name.js';
import type { QueriedName } from './rtmp-names.js';
import type { PublishRight, StreamHost } from './rtmp-services.js';

/** Asks to forget the metadata. Whoever sends it is about to send other metadata or to stop. */
const CLEAR_DATA_FRAME = '@clearDataFrame';

/** The connection is not read while it waits: this is what one read can bring. */
const MAX_EARLY_BYTES = 4 * 1024 * 1024;

type EarlyMessage = { type: number; timestampMs: number; body: KeptBytes };

/** One stream that a connection publishes, from the wish to the end. */
export class RtmpPublish {
	readonly role = 'publisher';
	readonly asked: QueriedName;
	readonly #host: StreamHost;
	readonly #messageStreamId: number;
	readonly #publishType: string;
	/** Messages that came behind `publish` in the same read; nothing more is read before the verdict. */
	readonly #early = new Held<EarlyMessage>(MAX_EARLY_BYTES, ({ type, timestampMs, body }) =>
		this.push(type, timestampMs, body),
	);
	#name: StreamName | null = null;
	#publication: PublishRight | null = null;
	#closed = false;

	constructor(host: StreamHost, messageStreamId: number, asked: QueriedName, publishType: string) {
		this.#host = host;
		this.#messageStreamId = messageStreamId;
		this.asked = asked;
		this.#publishType = publishType;
	}

	/** The public name, once the verdict has made it. */
	get name(): StreamName | null {
		return this.#name;
	}

	/** Asks for the verdict; only after it the peer is told to start. Never rejects but for a defect of ours. */
	async start(): Promise<void> {
		const { connection, services } = this.#host;
		connection.maxMessageBytes = services.config.limits.maxMessageSize;
		// Some encoders send metadata and sequence headers without waiting, and they must not be lost.
		connection.hold();
		let publication: PublishRight;
		try {
			publication = await this.#ask();
		} catch (error) {
			this.#refused(peerErrorOf(error));
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
		connection.guard(() => this.#early.release());
	}

	/** Takes any message on the publisher's message stream that is no command. `body` is borrowed until return. */
	push(type: number, timestampMs: number, body: Buffer): void {
		if (this.#publication === null) {
			if (!this.#closed) {
				this.#holdEarly(type, timestampMs, body);
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

	/** Asks the rules, then the registry. @throws PeerError when either refuses. */
	async #ask(): Promise<PublishRight> {
		const { services, protocol, address } = this.#host;
		const request = this.#host.accessRequest('publish', this.asked, { publishType: this.#publishType });
		const verdict = await services.access.judge(request);
		if (!verdict.allowed) {
			throw PeerError.of(verdict);
		}
		if (this.#closed) {
			// A takeover for a peer that has left would end the present publisher for nothing.
			throw new PeerError('PEER_GONE');
		}
		this.#name = verdict.name;
		return services.requests.open(verdict.name, { protocol, address, query: request.query }, (code, message) =>
			this.#revoked(code, message),
		);
	}

	#holdEarly(type: number, timestampMs: number, body: Buffer): void {
		if (!this.#early.hold({ type, timestampMs, body: copyOf(body) }, body.length)) {
			throw new PeerError('RTMP_COMMAND', 'too much media before the answer to publish');
		}
	}

	#pushData(publication: PublishRight, timestampMs: number, body: Uint8Array): void {
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
