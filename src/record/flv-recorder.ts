import { assert } from '../errors.js';
import { type Position, RecordKind, StreamFlag } from '../ring/layout.js';
import { LAPPED, type RecordBatch, RingReader } from '../ring/ring-reader.js';
import type { HeaderSlot } from '../ring/ring-writer.js';
import { errorCodeOf } from './file-error.js';
import { FlvTake } from './flv-take.js';
import type { Recorder, RecorderEvent, RecorderParts } from './output.js';

export type FlvRecorderParts = Pick<RecorderParts, 'ring' | 'directory' | 'figures' | 'disk' | 'report'>;

/** Tags written at once; a recorder that has fallen behind catches up in several writes. */
const MAX_BATCH_BYTES = 1024 * 1024;
/** A disk that failed is left alone for this many steps. */
const STEPS_BEFORE_RETRY = 10;

/** Where reading begins: at a keyframe, with what is needed to decode it. */
type Entry = { batch: RecordBatch; headers: readonly HeaderSlot[]; dtsMs: number };

/**
 * Records one stream from its ring, step by step: what is new goes to the disk in one write. A take begins at a keyframe and
 * goes on over splices until the stream ends. A slow disk loses frames up to the next keyframe; a full or failing one ends the
 * take, and another begins when there is room again. The stream itself never notices.
 */
export class FlvRecorder implements Recorder {
	readonly #parts: FlvRecorderParts;
	#reader: RingReader;
	#take: FlvTake | null = null;
	/** Null: a place to start has to be found. */
	#cursor: Position | null = null;
	#nextFrameNumber = 0;
	/** The first take has everything that is still in the ring; later ones begin where the stream is. */
	#isFirstTake = true;
	#stopping = false;
	#stepsToWait = 0;
	#saidFull = false;

	constructor(parts: FlvRecorderParts) {
		this.#parts = parts;
		this.#reader = new RingReader(parts.ring);
	}

	replaceRing(ring: SharedArrayBuffer): void {
		this.#reader = new RingReader(ring);
	}

	stop(): void {
		this.#stopping = true;
	}

	async advance(): Promise<boolean> {
		const last = this.#stopping || this.#reader.ended;
		if (this.#stepsToWait > 0 && !last) {
			this.#stepsToWait--;
			return false;
		}
		try {
			if (this.#take !== null && this.#parts.disk.full) {
				this.#saidFull = true;
				await this.#finish('recording stops: less disk is free than record.minFree', 'error');
			}
			const ended = await this.#copyNew(last);
			if (ended || last) {
				await this.#finish('recording is finished', 'info');
			}
			return ended || last;
		} catch (error) {
			await this.#giveUp(error);
			return last;
		}
	}

	/** Copies what is new in the ring; `last` says that nothing will follow. @returns true after the stream's last record. */
	async #copyNew(last: boolean): Promise<boolean> {
		for (;;) {
			const batch = this.#cursor === null ? await this.#enter(last) : this.#reader.read(this.#cursor, MAX_BATCH_BYTES);
			if (batch === null) {
				return false;
			}
			if (batch === LAPPED) {
				this.#cursor = null;
				continue;
			}
			const { figures } = this.#parts;
			assert(this.#take !== null, 'records have a take to go to');
			await this.#take.append(batch);
			figures.add('bytesWritten', batch.bytes.length);
			this.#cursor = batch.next;
			const newest = batch.records.at(-1);
			this.#nextFrameNumber = ((newest?.frameNumber ?? 0) + 1) | 0;
			if (newest?.kind === RecordKind.end) {
				return true;
			}
		}
	}

	/** Finds a keyframe to go on from, in a take that is begun if there is none. @returns null when that is not possible yet. */
	async #enter(last: boolean): Promise<RecordBatch | null> {
		const entry = this.#findEntry();
		// A stream may be over before its first step; but a take that failed is not begun again for what is left of a stream.
		if (entry === null || (last && !this.#isFirstTake)) {
			return null;
		}
		if (this.#take !== null) {
			await this.#take.appendHeaders(entry.headers, entry.dtsMs);
			const lostRecords = ((entry.batch.records[0]?.frameNumber ?? 0) - this.#nextFrameNumber) | 0;
			this.#parts.figures.add('skips', 1);
			this.#report('warn', 'recording is too slow and skips to a keyframe', { lostRecords });
			return entry.batch;
		}
		if (!this.#parts.disk.hasRoom) {
			if (!this.#saidFull) {
				this.#saidFull = true;
				this.#report('error', 'recording waits: less disk is free than record.minFree', {
					freeBytes: this.#parts.disk.freeBytes,
				});
			}
			return null;
		}
		await this.#begin(entry);
		return entry.batch;
	}

	#findEntry(): Entry | null {
		const reader = this.#reader;
		if (!reader.ready) {
			return null;
		}
		const { version, slots } = reader.readHeaders();
		const start = this.#isFirstTake ? reader.oldestStart() : reader.startPosition(0);
		const batch = start === null ? null : reader.read(start, MAX_BATCH_BYTES);
		// Headers that changed meanwhile may not fit the keyframe: the next step finds one that they fit.
		if (batch === null || batch === LAPPED || reader.headersVersion !== version) {
			return null;
		}
		return { batch, headers: slots, dtsMs: batch.records[0]?.dtsMs ?? 0 };
	}

	async #begin({ headers, dtsMs }: Entry): Promise<void> {
		const { directory, figures } = this.#parts;
		const { flags } = this.#reader;
		this.#take = await FlvTake.open(directory, {
			dtsMs,
			startedAtMs: Date.now(),
			hasAudio: (flags & StreamFlag.hasAudio) !== 0,
			hasVideo: (flags & StreamFlag.hasVideo) !== 0,
			headers,
		});
		this.#isFirstTake = false;
		this.#saidFull = false;
		figures.set('active', 1);
		figures.add('takes', 1);
		figures.add('bytesWritten', this.#take.sizeBytes);
		this.#report('info', 'recording', { directory });
	}

	async #finish(message: string, level: RecorderEvent['level']): Promise<void> {
		const take = this.#take;
		if (take !== null) {
			this.#letGo();
			this.#report(level, message, await take.finish());
			if (level === 'error') {
				this.#parts.figures.add('failures', 1);
			}
		}
	}

	/** The disk does not take what it is given: the take ends with what it has, and another is begun later. */
	async #giveUp(error: unknown): Promise<void> {
		const code = errorCodeOf(error);
		if (code === '') {
			throw error;
		}
		this.#parts.figures.add('failures', 1);
		this.#stepsToWait = STEPS_BEFORE_RETRY;
		this.#report('error', 'recording failed and will be tried again', { code, error: String(error) });
		const take = this.#take;
		if (take !== null) {
			this.#letGo();
			await take.finish().catch((reason: unknown) => {
				this.#report('error', 'a take stays unfinished until it is recovered', { error: String(reason) });
			});
		}
	}

	#letGo(): void {
		this.#take = null;
		this.#cursor = null;
		this.#parts.figures.set('active', 0);
	}

	#report(level: RecorderEvent['level'], message: string, fields: RecorderEvent['fields']): void {
		this.#parts.report({ level, message, fields });
	}
}
