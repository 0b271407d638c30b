import type { Position } from '../ring/layout.js';
import { PartKind, type PartRecord, PLAIN_RECORD } from '../ring/part-layout.js';
import { PartRingReader } from '../ring/part-ring-reader.js';
import { LAPPED } from '../ring/ring-reader.js';
import { LiveBodies } from './bodies.js';
import { LiveTexts } from './documents.js';
import { LiveWindow } from './window.js';

/** A wait for the ring ends after this although nothing has changed, in case its writer died. */
const RING_WAIT_MS = 1000;
/** A stream that has ended is over after this, although its packaging did not say so. */
const END_TIMEOUT_MS = 5000;

/** The requests for which a ring is followed. */
export type Waiters = {
	/** True when a request waits for something that is not there yet. */
	isAwaited(): boolean;
	/** The window has changed. */
	look(): void;
};

/**
 * One thread's view of one live stream: its window, as far as the part ring was followed. It does nothing unless asked.
 */
export class LiveFollower {
	readonly window = new LiveWindow();
	readonly bodies: LiveBodies;
	readonly texts: LiveTexts;
	readonly #waiters: Waiters;
	readonly #now: () => number;
	#cursor: Position;
	#following = false;
	#endTimer: NodeJS.Timeout | undefined;

	/** `now`: wall clock, milliseconds since 1970. */
	constructor(parts: SharedArrayBuffer, waiters: Waiters, now: () => number) {
		this.#waiters = waiters;
		this.#now = now;
		this.bodies = new LiveBodies(new PartRingReader(parts));
		this.texts = new LiveTexts(this.window, this.bodies);
		this.#cursor = this.reader.oldest;
	}

	/** The reader of the present ring. */
	get reader(): PartRingReader {
		return this.bodies.reader;
	}

	/** Another part ring goes on where the present one stops. */
	replaceRing(parts: SharedArrayBuffer): void {
		const old = this.reader;
		this.bodies.reader = new PartRingReader(parts);
		if (this.#waiters.isAwaited()) {
			this.reader.want(this.#now());
		}
		old.wake();
	}

	/** The stream is over: the last segment is still to come. */
	streamEnded(): void {
		this.#endTimer ??= setTimeout(() => this.#apply([END]), END_TIMEOUT_MS);
	}

	close(): void {
		clearTimeout(this.#endTimer);
	}

	/** Tells the packaging that somebody is there, and takes what is new in the ring. */
	update(): void {
		const { reader } = this;
		reader.want(this.#now());
		for (let batch = reader.scan(this.#cursor); batch !== null; batch = reader.scan(this.#cursor)) {
			if (batch === LAPPED) {
				this.window.clear();
				this.texts.forget();
				this.#cursor = reader.oldest;
			} else {
				this.#cursor = batch.next;
				this.#apply(batch.records);
			}
		}
	}

	/** Updates with all that comes, for as long as somebody waits: one wait for the ring stands for all of them. */
	follow(): void {
		if (!this.#following) {
			this.#following = true;
			void this.#follow();
		}
	}

	async #follow(): Promise<void> {
		while (this.#waiters.isAwaited()) {
			await this.reader.waitBeyond(this.#cursor, RING_WAIT_MS);
			this.update();
		}
		this.#following = false;
	}

	#apply(records: readonly PartRecord[]): void {
		for (const record of records) {
			this.window.apply(record);
		}
		this.window.forgetBefore(this.reader.oldest);
		this.texts.forget();
		if (this.window.ended) {
			clearTimeout(this.#endTimer);
		}
		this.#waiters.look();
	}
}

const END: PartRecord = { ...PLAIN_RECORD, kind: PartKind.end, msn: 0, position: 0, length: 0 };
