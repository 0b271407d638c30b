// Spec: RTMP 1.0, section 7.2.2 (NetStream Commands)

import { type AccessRequest, PLAY_DEFAULTS } from '../access/request.js';
import { type AmfValue, amfNumber, amfProperty, amfString } from '../codec/amf-value.js';
import { type ErrorCode, PeerError } from '../errors.js';
import { type Command, onStatusBody } from '../protocol/rtmp/commands.js';
import { splitName } from './rtmp-names.js';
import { RtmpPlay } from './rtmp-play.js';
import { RtmpPublish } from './rtmp-publish.js';
import type { StreamHost } from './rtmp-services.js';

/** Message streams of one connection. */
const MAX_MESSAGE_STREAMS = 16;

export type StreamActivity = RtmpPublish | RtmpPlay;

/** The message streams of one connection, each idle, publishing or playing, and the commands that are about them. */
export class MessageStreams {
	readonly #host: StreamHost;
	/** null = created, with nothing going on. */
	readonly #streams = new Map<number, StreamActivity | null>();
	#nextId = 1;
	#newest: StreamActivity | null = null;

	constructor(host: StreamHost) {
		this.#host = host;
	}

	/** Yields the running activities, by message stream id. */
	*active(): Generator<[messageStreamId: number, StreamActivity]> {
		for (const [messageStreamId, activity] of this.#streams) {
			if (activity !== null) {
				yield [messageStreamId, activity];
			}
		}
	}

	/** The last publish or play that was asked for, over or not. */
	get newest(): StreamActivity | null {
		return this.#newest;
	}

	/** A fresh message stream id, or null when there are too many. */
	create(): number | null {
		if (this.#streams.size >= MAX_MESSAGE_STREAMS) {
			return null;
		}
		while (this.#streams.has(this.#nextId)) {
			this.#nextId++;
		}
		this.#streams.set(this.#nextId, null);
		return this.#nextId;
	}

	/** Takes a command about a message stream. @returns false when it is none of them. */
	command(messageStreamId: number, { name, args }: Command): boolean {
		const [first] = args;
		switch (name) {
			case 'publish':
				this.#publish(messageStreamId, textOf(first), textOf(args[1]));
				return true;
			case 'play':
				// play(name, start, duration, reset): only an explicit "no" keeps what was playing
				this.#play(messageStreamId, textOf(first), {
					start: amfNumber(args[1]) ?? PLAY_DEFAULTS.start,
					duration: amfNumber(args[2]) ?? PLAY_DEFAULTS.duration,
					reset: args[3] !== false && args[3] !== 0,
				});
				return true;
			case 'play2':
				this.#play(messageStreamId, textOf(amfProperty(first, 'streamName')), PLAY_DEFAULTS);
				return true;
			case 'pause':
			case 'pauseRaw':
				this.#playOn(messageStreamId)?.pause(first !== false);
				return true;
			case 'seek':
				this.#playOn(messageStreamId)?.seek();
				return true;
			case 'receiveAudio':
				this.#playOn(messageStreamId)?.receive('audio', first !== false);
				return true;
			case 'receiveVideo':
				this.#playOn(messageStreamId)?.receive('video', first !== false);
				return true;
			case 'closeStream':
				this.#close(messageStreamId);
				return true;
			case 'deleteStream':
				this.#close(amfNumber(first) ?? messageStreamId);
				this.#streams.delete(amfNumber(first) ?? messageStreamId);
				return true;
			default:
				return false;
		}
	}

	/** A message that is no command. `body` is borrowed until return. */
	media(messageStreamId: number, type: number, timestampMs: number, body: Buffer): void {
		const activity = this.#streams.get(messageStreamId) ?? this.#only();
		if (activity instanceof RtmpPublish) {
			activity.push(type, timestampMs, body);
		}
	}

	/** Ends the publish of `text` (a name, perhaps with a query), if there is one here. */
	unpublish(text: string): void {
		const mark = text.indexOf('?');
		const name = mark < 0 ? text : text.slice(0, mark);
		for (const [messageStreamId, activity] of this.active()) {
			if (activity instanceof RtmpPublish && activity.asked.name === name) {
				this.#close(messageStreamId);
			}
		}
	}

	/** An activity is over by itself. @returns whether no other activity is left. */
	settle(messageStreamId: number): boolean {
		if (this.#streams.has(messageStreamId)) {
			this.#streams.set(messageStreamId, null);
		}
		return this.active().next().done === true;
	}

	/** Ends everything without a word to the peer. */
	closeAll(code: ErrorCode): void {
		for (const [, activity] of this.active()) {
			activity.close(code);
		}
		this.#streams.clear();
	}

	#publish(messageStreamId: number, text: string, publishType: string): void {
		if (this.#activityFor(messageStreamId) !== null) {
			this.#refuse(messageStreamId, 'NetStream.Publish.BadName', 'The message stream is in use.');
			return;
		}
		const publish = new RtmpPublish(this.#host, messageStreamId, splitName(text), publishType);
		this.#begin(messageStreamId, publish);
		void publish.start();
	}

	#play(messageStreamId: number, text: string, wish: AccessRequest['play']): void {
		const previous = this.#activityFor(messageStreamId);
		if (previous instanceof RtmpPublish) {
			this.#refuse(messageStreamId, 'NetStream.Play.Failed', 'The message stream is in use.');
			return;
		}
		this.#close(messageStreamId);
		const play = new RtmpPlay(this.#host, messageStreamId, splitName(text), wish);
		this.#begin(messageStreamId, play);
		void play.start();
	}

	#begin(messageStreamId: number, activity: StreamActivity): void {
		this.#streams.set(messageStreamId, activity);
		this.#newest = activity;
	}

	/** The activity of a message stream that a publish or play is for. Some clients never created it: it begins to exist here. */
	#activityFor(messageStreamId: number): StreamActivity | null {
		const activity = this.#streams.get(messageStreamId);
		if (activity === undefined) {
			if (this.#streams.size >= MAX_MESSAGE_STREAMS) {
				throw new PeerError('RTMP_COMMAND', `more than ${MAX_MESSAGE_STREAMS} message streams`);
			}
			this.#streams.set(messageStreamId, null);
		}
		return activity ?? null;
	}

	/** Some encoders send media on message stream 0: with one stream on the connection it is clear what they mean. */
	#only(): StreamActivity | null {
		for (const activity of this.#streams.values()) {
			return this.#streams.size === 1 ? activity : null;
		}
		return null;
	}

	#playOn(messageStreamId: number): RtmpPlay | null {
		const activity = this.#streams.get(messageStreamId);
		return activity instanceof RtmpPlay ? activity : null;
	}

	#close(messageStreamId: number): void {
		const activity = this.#streams.get(messageStreamId);
		if (activity instanceof RtmpPublish) {
			activity.stop('STREAM_ENDED');
		} else {
			activity?.close();
		}
		if (activity !== undefined) {
			this.#streams.set(messageStreamId, null);
		}
	}

	#refuse(messageStreamId: number, code: string, description: string): void {
		this.#host.connection.sendCommand(messageStreamId, onStatusBody('error', code, description));
	}
}

function textOf(value: AmfValue): string {
	return amfString(value) ?? '';
}
