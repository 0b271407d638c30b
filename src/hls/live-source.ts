// Spec: rfc8216bis-22 6.2.5 (what a low-latency server answers), B.1
import type { Position } from '../ring/layout.js';
import { PartKind, type PartRecord } from '../ring/part-layout.js';
import { PartRingReader } from '../ring/part-ring-reader.js';
import { LAPPED } from '../ring/ring-reader.js';
import { decideReload, type LiveEdge, parseDirectives, type ReloadDirectives } from './blocking-reload.js';
import { INIT_TYPE, type LiveAnswer, mediaAnswer, playlistAnswer, SEGMENT_TYPE, SharedBody } from './live-answer.js';
import type { LiveResource } from './live-names.js';
import { writeLivePlaylist } from './live-text.js';
import { LiveWindow } from './live-window.js';
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

/**
 * What one thread has of one live stream: its window, followed from the part ring, and the answers that all viewers share. It does
 * nothing unless asked; while requests are blocked, one wait for the ring stands for all of them.
 */
export class LiveSource {
	readonly #window = new LiveWindow();
	readonly #waiting = new WaitGroups<LiveAnswer>();
	/** Bodies by record or segment: they go with them. */
	readonly #bodies = new WeakMap<object, SharedBody>();
	#reader: PartRingReader;
	#cursor: Position;
	/** The present playlist, whole and as a delta update. */
	#playlists: { whole: SharedBody | null; delta: SharedBody | null } = { whole: null, delta: null };
	readonly #now: () => number;
	#following = false;
	#endTimer: NodeJS.Timeout | undefined;

	/** `now`: wall clock, milliseconds since 1970. */
	constructor(parts: SharedArrayBuffer, now: () => number = Date.now) {
		this.#now = now;
		this.#reader = new PartRingReader(parts);
		this.#cursor = this.#reader.oldest;
	}

	/** Another part ring goes on where the present one stops. */
	replaceRing(parts: SharedArrayBuffer): void {
		const old = this.#reader;
		this.#reader = new PartRingReader(parts);
		if (!this.#waiting.isEmpty) {
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
	}

	/**
	 * Answers a request through `reply`: at once, or when there is what it waits for. `query` is without `?`.
	 * @returns what calls it off; `reply` is not called then.
	 */
	ask(resource: LiveResource, query: string, reply: Reply): () => void {
		this.#reader.want(this.#now());
		this.#update();
		switch (resource.kind) {
			case 'playlist':
				return this.#askPlaylist(query, reply);
			case 'init':
				reply(this.#initSegment(resource.msn));
				return nothing;
			case 'segment':
				reply(this.#segment(resource.msn));
				return nothing;
			case 'part':
				return this.#askPart(resource.msn, resource.part, reply);
		}
	}

	get #targetDuration(): number {
		return this.#reader.targetDuration;
	}

	get #isReady(): boolean {
		return this.#targetDuration > 0 && this.#window.listed.length > 0;
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

	#askPlaylist(query: string, reply: Reply): () => void {
		const directives = parseDirectives(query);
		if (directives === null) {
			reply(playlistAnswer(400, null, true, this.#targetDuration));
			return nothing;
		}
		const answer = this.#playlist(directives);
		if (answer !== null) {
			reply(answer);
			return nothing;
		}
		const { msn, part, skip } = directives;
		const timeoutMs = this.#isReady ? this.#targetDuration * MAX_BLOCK_TARGETS * 1000 : FIRST_SEGMENT_TIMEOUT_MS;
		const late = (): LiveAnswer => playlistAnswer(this.#isReady ? 503 : 404, null, msn !== null, this.#targetDuration);
		return this.#wait(`playlist ${msn} ${part} ${skip}`, () => this.#playlist(directives), timeoutMs, late, reply);
	}

	/** Null: not yet. */
	#playlist(directives: ReloadDirectives): LiveAnswer | null {
		const isBlocking = directives.msn !== null;
		if (!this.#isReady) {
			return this.#window.ended ? playlistAnswer(404, null, isBlocking, this.#targetDuration) : null;
		}
		const decision = this.#window.ended ? 'answer' : decideReload(directives, this.#edge);
		if (decision === 'wait') {
			return null;
		}
		if (decision === 'refuse') {
			return playlistAnswer(400, null, isBlocking, this.#targetDuration);
		}
		return playlistAnswer(200, this.#playlistBody(directives.skip), isBlocking, this.#targetDuration);
	}

	#playlistBody(skip: boolean): SharedBody {
		const form = skip ? 'delta' : 'whole';
		const { targetDuration, partTargetMs } = this.#reader;
		this.#playlists[form] ??= new SharedBody(writeLivePlaylist(this.#window, targetDuration, partTargetMs, skip));
		return this.#playlists[form];
	}

	#initSegment(msn: number): LiveAnswer {
		const segment = this.#window.segments.find(({ initMsn }) => initMsn === msn);
		return this.#media(segment?.init ?? null, INIT_TYPE, (init) => [init]);
	}

	#segment(msn: number): LiveAnswer {
		const segment = this.#window.find(msn);
		return this.#media(segment?.complete === true ? segment : null, SEGMENT_TYPE, ({ parts }) => parts);
	}

	#askPart(msn: number, index: number, reply: Reply): () => void {
		const check = (): LiveAnswer | null => {
			const part = this.#window.find(msn)?.parts[index];
			const isHinted = !this.#window.ended && this.#isNext(msn, index);
			return part === undefined && isHinted ? null : this.#media(part ?? null, SEGMENT_TYPE, (record) => [record]);
		};
		const answer = check();
		if (answer !== null) {
			reply(answer);
			return nothing;
		}
		const timeoutMs = this.#targetDuration * MAX_BLOCK_TARGETS * 1000;
		const late = (): LiveAnswer => mediaAnswer(503, SEGMENT_TYPE, null, this.#targetDuration);
		return this.#wait(`part ${msn} ${index}`, check, timeoutMs, late, reply);
	}

	/** Whether this is the part that the playlist hints at. */
	#isNext(msn: number, index: number): boolean {
		const { lastMsn, open } = this.#window;
		return this.#isReady && msn === lastMsn + 1 && index === (open?.parts.length ?? 0);
	}

	#media<T extends object>(of: T | null, contentType: string, recordsOf: (of: T) => readonly PartRecord[]): LiveAnswer {
		const body = of === null ? null : (this.#bodies.get(of) ?? this.#readBody(of, recordsOf(of)));
		return mediaAnswer(body === null ? 404 : 200, contentType, body, this.#targetDuration);
	}

	#readBody(of: object, records: readonly PartRecord[]): SharedBody | null {
		const bytes = this.#reader.payload(records);
		if (bytes === LAPPED) {
			return null; // it was there a moment ago, but is too old now
		}
		const body = new SharedBody(bytes);
		this.#bodies.set(of, body);
		return body;
	}

	#wait(key: string, check: () => LiveAnswer | null, timeoutMs: number, late: () => LiveAnswer, reply: Reply) {
		const cancel = this.#waiting.add(key, check, timeoutMs, late, reply);
		if (!this.#following) {
			this.#following = true;
			void this.#follow();
		}
		return cancel;
	}

	async #follow(): Promise<void> {
		while (!this.#waiting.isEmpty) {
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
				this.#playlists = { whole: null, delta: null };
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
		this.#playlists = { whole: null, delta: null };
		if (this.#window.ended) {
			clearTimeout(this.#endTimer);
		}
		this.#waiting.look();
	}
}

const END: PartRecord = { kind: PartKind.end, flags: 0, msn: 0, index: 0, time: 0, position: 0, length: 0 };
const nothing = (): void => undefined;
