// Spec: rfc8216bis-22 6.2.5 (what a low-latency server answers), B.1; DASH-IF Low-Latency Modes for DASH (chunked transfer)

import {
	INIT_TYPE,
	type LiveAnswer,
	manifestAnswer,
	mediaAnswer,
	type Piece,
	playlistAnswer,
	SEGMENT_TYPE,
	type SharedBody,
} from './answer.js';
import { decideReload, type LiveEdge, parseDirectives, type ReloadDirectives } from './blocking-reload.js';
import { LiveFollower } from './follower.js';
import type { LiveResource, LiveTrackKind } from './names.js';
import { WaitGroups } from './wait-groups.js';
import type { LiveSegment } from './window.js';

/** Requests are blocked for this long at most, in target durations. */
const MAX_BLOCK_TARGETS = 3;
/** The first viewer waits this long for the first segment: the target duration is known only with it. */
const FIRST_SEGMENT_TIMEOUT_MS = 15_000;

type Reply = (answer: LiveAnswer) => void;
/** A wait called off. */
type Cancel = () => void;

/** The answers of one thread about one live stream, which all viewers share. It does nothing unless asked. */
export class LiveSource {
	readonly #follower: LiveFollower;
	readonly #waiting = new WaitGroups<LiveAnswer>();
	/** The readers of a segment that is being made who have all of it that there is. */
	readonly #reading = new WaitGroups<Piece>();

	/** `now`: wall clock, milliseconds since 1970. */
	constructor(parts: SharedArrayBuffer, now: () => number = Date.now) {
		const waiters = {
			isAwaited: (): boolean => !this.#waiting.isEmpty || !this.#reading.isEmpty,
			look: (): void => {
				this.#waiting.look();
				this.#reading.look();
			},
		};
		this.#follower = new LiveFollower(parts, waiters, now);
	}

	/** Another part ring goes on where the present one stops. */
	replaceRing(parts: SharedArrayBuffer): void {
		this.#follower.replaceRing(parts);
	}

	/** The stream is over: the last segment is still to come. */
	streamEnded(): void {
		this.#follower.streamEnded();
	}

	/** Lets everybody go who waits. */
	close(): void {
		this.#follower.close();
		this.#waiting.settleAll({ status: 503, contentType: '', maxAgeSeconds: 0, body: null });
		this.#reading.settleAll('lost');
	}

	/**
	 * Answers a request through `reply`: at once, or when there is what it waits for. `query` is without `?`.
	 * @returns what calls it off; `reply` is not called then.
	 */
	ask(resource: LiveResource, query: string, reply: Reply): Cancel {
		this.#follower.update();
		switch (resource.kind) {
			case 'playlist':
				return this.#askPlaylist(query, reply);
			case 'manifest':
				return this.#askManifest(reply);
			case 'init':
				reply(this.#initSegment(resource.msn, resource.track));
				return nothing;
			case 'segment':
				reply(this.#segment(resource.msn));
				return nothing;
			case 'part':
				return this.#askPart(resource.msn, resource.part, reply);
			case 'track-segment':
				return this.#askTrackSegment(resource, reply);
		}
	}

	get #window(): LiveFollower['window'] {
		return this.#follower.window;
	}

	get #targetDuration(): number {
		return this.#follower.reader.targetDuration;
	}

	get #isReady(): boolean {
		return this.#targetDuration > 0 && this.#window.listed.length > 0;
	}

	/** A request waits this long for something that has been announced. */
	get #blockMs(): number {
		return this.#isReady ? this.#targetDuration * MAX_BLOCK_TARGETS * 1000 : FIRST_SEGMENT_TIMEOUT_MS;
	}

	get #edge(): LiveEdge {
		const { lastMsn, open } = this.#window;
		return {
			lastMsn,
			openParts: open?.parts.length ?? 0,
			partsOf: (msn) => this.#window.find(msn)?.parts.length ?? null,
			partTarget: this.#follower.reader.partTargetMs / 1000,
		};
	}

	#askPlaylist(query: string, reply: Reply): Cancel {
		const directives = parseDirectives(query);
		if (directives === null) {
			reply(playlistAnswer(400, null, true, this.#targetDuration));
			return nothing;
		}
		const { msn, part, skip } = directives;
		const check = (): LiveAnswer | null => this.#playlist(directives);
		const late = (): LiveAnswer => playlistAnswer(this.#isReady ? 503 : 404, null, msn !== null, this.#targetDuration);
		return this.#answer(`playlist ${msn} ${part} ${skip}`, check, late, reply);
	}

	/** Null: not yet. */
	#playlist(directives: ReloadDirectives): LiveAnswer | null {
		const isBlocking = directives.msn !== null;
		const body = this.#follower.texts.playlist(directives.skip ? 'delta' : 'whole');
		if (body === null) {
			return this.#window.ended ? playlistAnswer(404, null, isBlocking, this.#targetDuration) : null;
		}
		const decision = this.#window.ended ? 'answer' : decideReload(directives, this.#edge);
		if (decision === 'wait') {
			return null;
		}
		const status = decision === 'refuse' ? 400 : 200;
		return playlistAnswer(status, status === 200 ? body : null, isBlocking, this.#targetDuration);
	}

	#askManifest(reply: Reply): Cancel {
		const check = (): LiveAnswer | null => {
			const body = this.#follower.texts.manifest();
			return body === null && !this.#window.ended ? null : manifestAnswer(body);
		};
		return this.#answer('manifest', check, () => manifestAnswer(null), reply);
	}

	#initSegment(msn: number, track: LiveTrackKind | null): LiveAnswer {
		const init = this.#window.segments.find(({ initMsn }) => initMsn === msn)?.init;
		if (init === undefined) {
			return this.#media(null, INIT_TYPE);
		}
		return this.#media(
			track === null ? this.#follower.bodies.record(init) : this.#follower.bodies.trackInit(init, track),
			INIT_TYPE,
		);
	}

	#segment(msn: number): LiveAnswer {
		const segment = this.#window.find(msn);
		return this.#media(segment?.complete === true ? this.#follower.bodies.segment(segment) : null);
	}

	#askPart(msn: number, index: number, reply: Reply): Cancel {
		const check = (): LiveAnswer | null => {
			const part = this.#window.find(msn)?.parts[index];
			const isHinted = !this.#window.ended && this.#isNextPart(msn, index);
			return part === undefined && isHinted
				? null
				: this.#media(part === undefined ? null : this.#follower.bodies.record(part));
		};
		const late = (): LiveAnswer => mediaAnswer(503, SEGMENT_TYPE, null, this.#targetDuration);
		return this.#answer(`part ${msn} ${index}`, check, late, reply);
	}

	/** True when this is the part that the playlist hints at. */
	#isNextPart(msn: number, index: number): boolean {
		const { lastMsn, open } = this.#window;
		return this.#isReady && msn === lastMsn + 1 && index === (open?.parts.length ?? 0);
	}

	/** One track of a segment; of one that is being made as it grows, of the next one as soon as it begins. */
	#askTrackSegment(
		{ track, initMsn, msn }: { track: LiveTrackKind; initMsn: number; msn: number },
		reply: Reply,
	): Cancel {
		const check = (): LiveAnswer | null => {
			const segment = this.#window.find(msn);
			if (segment === undefined) {
				return this.#isNextSegment(msn) ? null : this.#media(null);
			}
			if (segment.initMsn !== initMsn) {
				return this.#media(null);
			}
			if (segment.complete || this.#window.ended) {
				return this.#media(this.#follower.bodies.trackSegment(segment, track));
			}
			return segment.parts.length === 0 ? null : this.#growing(segment, track);
		};
		return this.#answer(`${track} ${initMsn} ${msn}`, check, () => this.#media(null), reply);
	}

	/** True when this segment comes behind the one that is being made, or is about to be. */
	#isNextSegment(msn: number): boolean {
		const { segments, lastMsn, open, ended } = this.#window;
		return !ended && segments.length > 0 && msn === (open?.msn ?? lastMsn) + 1;
	}

	#growing(segment: LiveSegment, track: LiveTrackKind): LiveAnswer {
		const piece = (index: number, reply: (piece: Piece) => void): Cancel => {
			const check = (): Piece | null => this.#pieceOf(segment, track, index);
			return this.#orWait(this.#reading, `${track} ${segment.msn} ${index}`, check, (): Piece => 'end', reply);
		};
		return { status: 200, contentType: SEGMENT_TYPE, maxAgeSeconds: 0, body: { piece } };
	}

	/** Chunk `index` of one track of a segment. Null: not yet. */
	#pieceOf(segment: LiveSegment, track: LiveTrackKind, index: number): Piece | null {
		const part = segment.parts.filter((record) => record[track].length > 0)[index];
		if (part !== undefined) {
			return this.#follower.bodies.chunk(part, track) ?? 'lost';
		}
		if (segment.complete || this.#window.ended) {
			return 'end';
		}
		return this.#window.find(segment.msn) === segment ? null : 'lost';
	}

	#media(body: SharedBody | null, contentType = SEGMENT_TYPE): LiveAnswer {
		return mediaAnswer(body === null ? 404 : 200, contentType, body, this.#targetDuration);
	}

	#answer(key: string, check: () => LiveAnswer | null, late: () => LiveAnswer, reply: Reply): Cancel {
		return this.#orWait(this.#waiting, key, check, late, reply);
	}

	/** Replies at once if `check` finds something, or waits with all that wait for the same. */
	#orWait<T>(
		groups: WaitGroups<T>,
		key: string,
		check: () => T | null,
		late: () => T,
		reply: (found: T) => void,
	): Cancel {
		const found = check();
		if (found !== null) {
			reply(found);
			return nothing;
		}
		const cancel = groups.add(key, check, this.#blockMs, late, reply);
		this.#follower.follow();
		return cancel;
	}
}

const nothing = (): void => undefined;
