// Spec: RTMP 1.0, sections 7.2.2.1 (play) to 7.2.2.8 (pause)

import type { AccessRequest } from '../access/request.js';
import { serializeAmf0 } from '../codec/amf0.js';
import { policyOf } from '../config/policy.js';
import { ERROR_CODES, type ErrorCode, PeerError } from '../errors.js';
import { receiverCounters } from '../metrics/counters.js';
import { onStatusBody } from '../protocol/rtmp/commands.js';
import { UserControlEvent } from '../protocol/rtmp/message.js';
import type { Subscription, WireFormat } from '../stream/play/subscriber.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';
import type { QueriedName } from './rtmp-names.js';
import { rtmpPlayFormat, type TrackChoice } from './rtmp-play-format.js';
import type { StreamHost } from './rtmp-services.js';

/** Flash players read no samples of a stream without this message; other players know that it comes. */
const SAMPLE_ACCESS_BODY = serializeAmf0('|RtmpSampleAccess', true, true);

/** One stream that a connection plays, from the wish to the end. */
export class RtmpPlay {
	readonly role = 'player';
	readonly asked: QueriedName;
	readonly #host: StreamHost;
	readonly #messageStreamId: number;
	readonly #waiting = new AbortController();
	readonly #choice: TrackChoice = { audio: true, video: true };
	readonly #wish: AccessRequest['play'];
	#name: StreamName | null = null;
	#stream: StreamInfo | null = null;
	#subscription: Subscription | null = null;
	#paused = false;
	#closed = false;

	constructor(host: StreamHost, messageStreamId: number, asked: QueriedName, wish: AccessRequest['play']) {
		this.#host = host;
		this.#messageStreamId = messageStreamId;
		this.asked = asked;
		this.#wish = wish;
	}

	/** The public name, once the verdict has made it. */
	get name(): StreamName | null {
		return this.#name;
	}

	/** The stream that is being played, once it is there. */
	get streamId(): number | null {
		return this.#stream?.streamId ?? null;
	}

	/** Asks the rules, finds the stream, or waits for it as play.missing says, and subscribes. */
	async start(): Promise<void> {
		const { connection, services, via, resumeMs } = this.#host;
		const judged = services.access.judge(this.#host.accessRequest('play', this.asked, { play: this.#wish }));
		const verdict = judged instanceof Promise ? await judged : judged;
		if (!verdict.allowed) {
			this.#refuse(PeerError.of(verdict), 'NetStream.Play.Failed', verdict.message);
			return;
		}
		if (this.#closed) {
			return;
		}
		this.#name = verdict.name;
		const { play } = policyOf(services.config, verdict.name);
		const wanted = { name: verdict.name, via, resumeMs };
		const found =
			services.finder.findNow(wanted, play) ?? (await services.finder.wait(wanted, play, this.#waiting.signal));
		if (this.#closed) {
			return;
		}
		if (found.stream === null) {
			const error = new PeerError(found.code);
			if (found.code === 'STREAM_NOT_FOUND') {
				this.#refuse(error, 'NetStream.Play.StreamNotFound', `${verdict.name.key} is not live.`);
			} else {
				// A relay looks for the code in there (protocol/relay.ts).
				this.#refuse(error, 'NetStream.Play.Failed', `${found.code}: ${ERROR_CODES[found.code]}`);
			}
			return;
		}
		this.#stream = found.stream;
		connection.sendUserControl(UserControlEvent.streamBegin, this.#messageStreamId);
		if (this.#wish.reset) {
			this.#status('status', 'NetStream.Play.Reset', `Playing and resetting ${this.asked.name}.`);
		}
		this.#status('status', 'NetStream.Play.Start', `Started playing ${this.asked.name}.`);
		connection.sendData(this.#messageStreamId, SAMPLE_ACCESS_BODY);
		this.#subscribe();
	}

	#refuse(error: PeerError, status: string, description: string): void {
		if (!this.#closed) {
			this.#closed = true;
			this.#status('error', status, description);
			this.#host.finished(this.#messageStreamId, error);
		}
	}

	/** Holds the stream or goes on with it at the newest keyframe. */
	pause(paused: boolean): void {
		this.#paused = paused;
		const { connection } = this.#host;
		if (paused) {
			this.#subscription?.pause();
			connection.sendUserControl(UserControlEvent.streamEof, this.#messageStreamId);
			this.#status('status', 'NetStream.Pause.Notify', `Paused ${this.asked.name}.`);
		} else {
			connection.sendUserControl(UserControlEvent.streamBegin, this.#messageStreamId);
			this.#status('status', 'NetStream.Unpause.Notify', `Unpaused ${this.asked.name}.`);
			this.#subscription?.resume();
		}
	}

	/** A live stream has no other place to go to: answered, and it goes on. */
	seek(): void {
		this.#status('status', 'NetStream.Seek.Notify', `${this.asked.name} is live and goes on.`);
	}

	/** Leaves out or takes in the audio or the video. */
	receive(track: keyof TrackChoice, wanted: boolean): void {
		if (this.#choice[track] === wanted) {
			return;
		}
		this.#choice[track] = wanted;
		if (wanted) {
			this.seek();
			this.#status('status', 'NetStream.Play.Start', `Started playing ${this.asked.name}.`);
		}
		if (this.#subscription !== null) {
			this.#subscription.close();
			this.#subscribe();
		}
	}

	/** The stream has a publisher again. */
	publisherReturned(): void {
		this.#status('status', 'NetStream.Play.PublishNotify', `${this.asked.name} is published again.`);
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
		const { connection, services, protocol, resumeMs } = this.#host;
		if (this.#stream === null) {
			return;
		}
		this.#subscription = services.hubs.of(this.#stream).subscribe({
			socket: connection.socket,
			format: this.#format(),
			counters: receiverCounters(protocol),
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
