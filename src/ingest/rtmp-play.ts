import { type StreamName, streamName } from '../stream-name.js';
// Spec: RTMP 1.0, sections 7.2.2.1 (play) to 7.2.2.8 (pause)

import { serializeAmf0 } from '../codec/amf0.js';
import { policyOf } from '../config/policy.js';
import { ERROR_CODES, type ErrorCode, PeerError } from '../errors.js';
import { onStatusBody } from '../protocol/rtmp/commands.js';
import { UserControlEvent } from '../protocol/rtmp/message.js';
import type { SubscriberPort, Subscription, WireFormat } from '../stream/play/subscriber.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import type { QueriedName } from './rtmp-names.js';
import { rtmpPlayFormat, type TrackChoice } from './rtmp-play-format.js';
import type { StreamHost } from './rtmp-services.js';

/** Flash players read no samples of a stream without this message; other players know that it comes. */
const SAMPLE_ACCESS_BODY = serializeAmf0('|RtmpSampleAccess', true, true);
const COUNTERS: SubscriberPort['counters'] = { bytesOut: 'bytesOutRtmp', current: 'currentSubscribersRtmp' };

/** One stream that a connection plays, from the wish to the end. */
export class RtmpPlay {
	readonly role = 'player';
	readonly name: StreamName;
	readonly #host: StreamHost;
	readonly #messageStreamId: number;
	readonly #waiting = new AbortController();
	readonly #choice: TrackChoice = { audio: true, video: true };
	#stream: StreamInfo | null = null;
	#subscription: Subscription | null = null;
	#paused = false;
	#closed = false;

	constructor(host: StreamHost, messageStreamId: number, { name }: QueriedName) {
		this.#host = host;
		this.#messageStreamId = messageStreamId;
		this.name = streamName(host.app, name);
	}

	/** The stream that is being played, once it is there. */
	get streamId(): number | null {
		return this.#stream?.streamId ?? null;
	}

	/** Finds the stream, or waits for it as play.missing says, and subscribes. @param reset the player drops what it was playing. */
	async start(reset: boolean): Promise<void> {
		const { connection, services, via, resumeMs } = this.#host;
		const { play } = policyOf(services.config, this.name);
		const wanted = { name: this.name, via, resumeMs };
		const found =
			services.finder.findNow(wanted, play) ?? (await services.finder.wait(wanted, play, this.#waiting.signal));
		if (this.#closed) {
			return;
		}
		if (found.stream === null) {
			this.#closed = true;
			if (found.code === 'STREAM_NOT_FOUND') {
				this.#status('error', 'NetStream.Play.StreamNotFound', `${this.name.key} is not live.`);
			} else {
				// A relay looks for the code in there (protocol/relay.ts).
				this.#status('error', 'NetStream.Play.Failed', `${found.code}: ${ERROR_CODES[found.code]}`);
			}
			this.#host.finished(this.#messageStreamId, new PeerError(found.code));
			return;
		}
		this.#stream = found.stream;
		connection.sendUserControl(UserControlEvent.streamBegin, this.#messageStreamId);
		if (reset) {
			this.#status('status', 'NetStream.Play.Reset', `Playing and resetting ${this.name.name}.`);
		}
		this.#status('status', 'NetStream.Play.Start', `Started playing ${this.name.name}.`);
		connection.sendData(this.#messageStreamId, SAMPLE_ACCESS_BODY);
		this.#subscribe();
	}

	/** Holds the stream or goes on with it at the newest keyframe. */
	pause(paused: boolean): void {
		this.#paused = paused;
		const { connection } = this.#host;
		if (paused) {
			this.#subscription?.pause();
			connection.sendUserControl(UserControlEvent.streamEof, this.#messageStreamId);
			this.#status('status', 'NetStream.Pause.Notify', `Paused ${this.name.name}.`);
		} else {
			connection.sendUserControl(UserControlEvent.streamBegin, this.#messageStreamId);
			this.#status('status', 'NetStream.Unpause.Notify', `Unpaused ${this.name.name}.`);
			this.#subscription?.resume();
		}
	}

	/** A live stream has no other place to go to: answered, and it goes on. */
	seek(): void {
		this.#status('status', 'NetStream.Seek.Notify', `${this.name.name} is live and goes on.`);
	}

	/** Leaves out or takes in the audio or the video. */
	receive(track: keyof TrackChoice, wanted: boolean): void {
		if (this.#choice[track] === wanted) {
			return;
		}
		this.#choice[track] = wanted;
		if (wanted) {
			this.seek();
			this.#status('status', 'NetStream.Play.Start', `Started playing ${this.name.name}.`);
		}
		if (this.#subscription !== null) {
			this.#subscription.close();
			this.#subscribe();
		}
	}

	/** The stream has a publisher again. */
	publisherReturned(): void {
		this.#status('status', 'NetStream.Play.PublishNotify', `${this.name.name} is published again.`);
	}

	/** Ends it and tells the player. */
	stop(): void {
		if (this.#subscription !== null) {
			this.#host.connection.write(this.#format().encodeEnd());
		}
		this.close();
	}

	/** Ends it without a word to the player. */
	close(): void {
		this.#closed = true;
		this.#waiting.abort();
		this.#subscription?.close();
		this.#subscription = null;
	}

	#subscribe(): void {
		const { connection, services, resumeMs } = this.#host;
		if (this.#stream === null) {
			return;
		}
		this.#subscription = services.hubs.of(this.#stream).subscribe({
			socket: connection.socket,
			format: this.#format(),
			counters: COUNTERS,
			resumeMs,
			ended: (code) => this.#ended(code),
		});
		if (this.#paused) {
			this.#subscription.pause();
		}
	}

	#format(): WireFormat {
		return rtmpPlayFormat(this.#host.connection.chunkSize, this.#messageStreamId, { ...this.#choice });
	}

	#ended(code: ErrorCode): void {
		if (!this.#closed) {
			this.#closed = true;
			this.#subscription = null;
			this.#host.finished(this.#messageStreamId, new PeerError(code));
		}
	}

	#status(level: 'status' | 'error', code: string, description: string): void {
		this.#host.connection.sendCommand(this.#messageStreamId, onStatusBody(level, code, description));
	}
}
