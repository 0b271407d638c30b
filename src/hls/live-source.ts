// Spec: rfc8216bis-22 6.2.5 (what a low-latency server answers), B.1; DASH-IF Low-Latency Modes for DASH (chunked transfer)
import type { Position } from '../ring/layout.js';
import { PartKind, type PartRecord, PLAIN_RECORD } from '../ring/part-layout.js';
import { PartRingReader } from '../ring/part-ring-reader.js';
import { LAPPED } from '../ring/ring-reader.js';
import { decideReload, type LiveEdge, parseDirectives, type ReloadDirectives } from './blocking-reload.js';
import {
	INIT_TYPE,
	type LiveAnswer,
	manifestAnswer,
	mediaAnswer,
	type Piece,
	playlistAnswer,
	SEGMENT_TYPE,
	type SharedBody,
} from './live-answer.js';
import { LiveBodies } from './live-bodies.js';
import type { LiveResource, LiveTrackKind } from './live-names.js';
import { LiveTexts } from './live-texts.js';
import { type LiveSegment, LiveWindow } from './live-window.js';
import { WaitGroups } from './wait-groups.js';

/** Requests are blocked for this long at most, in target durations. */
const MAX_BLOCK_TARGETS = 3;
/** How long the first viewer waits for the first segment: it takes one to know the target duration. */
const FIRST_SEGMENT_TIMEOUT_MS = 15_000;
/** A wait for the ring ends after this although nothing has changed, in case its writer died. */
const RING_WAIT_MS = 1000;
/** A stream that has ended is over after this, although its packaging did not say so. */
const END_TIMEOUT_MS = 5000;

type Reply = (answer: LiveAnswer) => void;
/** A wait called off. */
type Cancel = () => void;

/**
 * What one thread has of one live stream: its window, followed from the part ring, and the answers that all viewers share. It does
 * nothing unless asked; while requests are blocked, one wait for the ring stands for all of them.
 */
export class LiveSource {
	readonly #window = new LiveWindow();
	readonly #bodies: LiveBodies;
	readonly #texts: LiveTexts;
	readonly #waiting = new WaitGroups<LiveAnswer>();
	/** Those who read a segment that is being made, and have all that there is of it. */
	readonly #reading = new WaitGroups<Piece>();
	readonly #now: () => number;
	#cursor: Position;
	#following = false;
	#endTimer: NodeJS.Timeout | undefined;

	/** `now`: wall clock, milliseconds since 1970. */
	constructor(parts: SharedArrayBuffer, now: () => number = Date.now) {
		this.#now = now;
		this.#bodies = new LiveBodies(new PartRingReader(parts));
		this.#texts = new LiveTexts(this.#window, this.#bodies);
		this.#cursor = this.#reader.oldest;
	}

	/** Another part ring goes on where the present one stops. */
	replaceRing(parts: SharedArrayBuffer): void {
		const old = this.#reader;
		this.#bodies.reader = new PartRingReader(parts);
		if (this.#isAwaited) {
			this.#reader.want(this.#now());
		}
		old.wake();
	}

	/** The stream is over: the last segment is still to come. */
	streamEnded(): void {
		this.#endTimer ??= setTimeout(() => this.#apply([END]), END_TIMEOUT_MS);
	}

	/** Lets everybody go who waits. */
	close(): void {
		clearTimeout(this.#endTimer);
		this.#waiting.settleAll({ status: 503, contentType: '', maxAgeSeconds: 0, body: null });
		this.#reading.settleAll('lost');
	}

	/**
	 * Answers a request through `reply`: at once, or when there is what it waits for. `query` is without `?`.
	 * @returns what calls it off; `reply` is not called then.
	 */
	ask(resource: LiveResource, query: string, reply: Reply): Cancel {
		this.#reader.want(this.#now());
		this.#update();
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

	get #reader(): PartRingReader {
		return this.#bodies.reader;
	}

	get #targetDuration(): number {
		return this.#reader.targetDuration;
	}

	get #isReady(): boolean {
		return this.#targetDuration > 0 && this.#window.listed.length > 0;
	}

	get #isAwaited(): boolean {
		return !this.#waiting.isEmpty || !this.#reading.isEmpty;
	}

	/** How long what has been announced is waited for. */
	get #blockMs(): number {
		return this.#isReady ? this.#targetDuration * MAX_BLOCK_TARGETS * 1000 : FIRST_SEGMENT_TIMEOUT_MS;
	}

	get #edge(): LiveEdge {
		const { lastMsn, open } = this.#window;
		return {
			lastMsn,
			openParts: open?.parts.length ?? 0,
			partsOf: (msn) => this.#window.find(msn)?.parts.length ?? null,
			partTarget: this.#reader.partTargetMs / 1000,
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
		const body = this.#texts.playlist(directives.skip ? 'delta' : 'whole');
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
			const body = this.#texts.manifest();
			return body === null && !this.#window.ended ? null : manifestAnswer(body);
		};
		return this.#answer('manifest', check, () => manifestAnswer(null), reply);
	}

	#initSegment(msn: number, track: LiveTrackKind | null): LiveAnswer {
		const init = this.#window.segments.find(({ initMsn }) => initMsn === msn)?.init;
		if (init === undefined) {
			return this.#media(null, INIT_TYPE);
		}
		return this.#media(track === null ? this.#bodies.record(init) : this.#bodies.trackInit(init, track), INIT_TYPE);
	}

	#segment(msn: number): LiveAnswer {
		const segment = this.#window.find(msn);
		return this.#media(segment?.complete === true ? this.#bodies.segment(segment) : null);
	}

	#askPart(msn: number, index: number, reply: Reply): Cancel {
		const check = (): LiveAnswer | null => {
			const part = this.#window.find(msn)?.parts[index];
			const isHinted = !this.#window.ended && this.#isNextPart(msn, index);
			return part === undefined && isHinted ? null : this.#media(part === undefined ? null : this.#bodies.record(part));
		};
		const late = (): LiveAnswer => mediaAnswer(503, SEGMENT_TYPE, null, this.#targetDuration);
		return this.#answer(`part ${msn} ${index}`, check, late, reply);
	}

	/** Whether this is the part that the playlist hints at. */
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
				return this.#media(this.#bodies.trackSegment(segment, track));
			}
			return segment.parts.length === 0 ? null : this.#growing(segment, track);
		};
		return this.#answer(`${track} ${initMsn} ${msn}`, check, () => this.#media(null), reply);
	}

	/** Whether this segment comes behind the one that is being made, or is about to be. */
	#isNextSegment(msn: number): boolean {
		const { segments, lastMsn, open, ended } = this.#window;
		return !ended && segments.length > 0 && msn === (open?.msn ?? lastMsn) + 1;
	}

	#growing(segment: LiveSegment, track: LiveTrackKind): LiveAnswer {
		const piece = (index: number, reply: (piece: Piece) => void): Cancel => {
			const check = (): Piece | null => this.#pieceOf(segment, track, index);
			const late = (): Piece => 'end';
			return this.#orWait(this.#reading, `${track} ${segment.msn} ${index}`, check, late, reply);
		};
		return { status: 200, contentType: SEGMENT_TYPE, maxAgeSeconds: 0, body: { piece } };
	}

	/** Chunk `index` of one track of a segment. Null: not yet. */
	#pieceOf(segment: LiveSegment, track: LiveTrackKind, index: number): Piece | null {
		const part = segment.parts.filter((record) => record[track].length > 0)[index];
		if (part !== undefined) {
			return this.#bodies.chunk(part, track) ?? 'lost';
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
		if (!this.#following) {
			this.#following = true;
			void this.#follow();
		}
		return cancel;
	}

	async #follow(): Promise<void> {
		while (this.#isAwaited) {
			await this.#reader.waitBeyond(this.#cursor, RING_WAIT_MS);
			this.#reader.want(this.#now());
			this.#update();
		}
		this.#following = false;
	}

	/** Takes what is new in the ring. */
	#update(): void {
		const reader = this.#reader;
		for (let batch = reader.scan(this.#cursor); batch !== null; batch = reader.scan(this.#cursor)) {
			if (batch === LAPPED) {
				this.#window.clear();
				this.#texts.forget();
				this.#cursor = reader.oldest;
			} else {
				this.#cursor = batch.next;
				this.#apply(batch.records);
			}
		}
	}

	#apply(records: readonly PartRecord[]): void {
		for (const record of records) {
			this.#window.apply(record);
		}
		this.#window.forgetBefore(this.#reader.oldest);
		this.#texts.forget();
		if (this.#window.ended) {
			clearTimeout(this.#endTimer);
		}
		this.#waiting.look();
		this.#reading.look();
	}
}

const END: PartRecord = { ...PLAIN_RECORD, kind: PartKind.end, msn: 0, position: 0, length: 0 };
const nothing = (): void => undefined;
