// Spec: rfc8216bis-22 4.4.3 (sequence numbers never go back), 6.2.1, 6.2.2 (what leaves a playlist and how long it can still be had)
import { buildInitSegment } from '../container/mp4/init-segment.js';
import { buildFragmentHead, buildProducerReferenceTime, buildSegmentType } from '../container/mp4/media-segment.js';
import type { CmafSink, Fragment, PackagedTrack } from '../remux/cmaf-packager.js';
import {
	MAX_PART_RING_BYTES,
	MIN_PART_RING_BYTES,
	NO_CHUNK,
	PartFlag,
	PartKind,
	type PartPeriod,
	PartWord,
	partRingBytesFor,
} from '../ring/part-layout.js';
import { PartRingReader } from '../ring/part-ring-reader.js';
import type { PartRingWriter } from '../ring/part-ring-writer.js';
import { LAPPED } from '../ring/ring-reader.js';
import { LIVE_EPOCH_MS } from './names.js';
import { LiveWindow } from './window.js';

export type PartPublisherParts = {
	writer: PartRingWriter;
	/** Wall clock of media time 0, milliseconds since 1970. */
	startedAtMs: number;
	/** The first guess of the stream's bit rate. The ring follows the measured rate later. */
	bitsPerSecond: number;
	/** The ring has been replaced by one of another size. */
	moved: (writer: PartRingWriter) => void;
};

/** A playlist lists this many target durations: enough that delta updates, which skip what is older than six, are worth it. */
const WINDOW_TARGETS = 10;
/** A live playlist must not get shorter than this many. */
const MIN_WINDOW_TARGETS = 3;
/** A segment that has left the playlist can be fetched for as long again. */
const RETENTION = 2;
/** Rates vary. */
const RING_SLACK = 1.25;
/** Target duration to begin with, before it is known, for the size of the ring only; seconds. */
const EXPECTED_TARGET = 2;
/** Chunks of a part: one of each kind of track. */
const MAX_CHUNKS = 2;
const MSN_MS = 1000;
const DISCONTINUITY_MS = 60_000;

const SEGMENT_TYPE = buildSegmentType();

type Listed = { msn: number; durationMs: number; discontinuity: boolean; bytes: number };
/** The segment that is being made; `tracks`: those that it has something of. */
type Open = Listed & { parts: number; tracks: Set<'video' | 'audio'> };

/** Fragments of one packager into a part ring, as parts of numbered segments, behind what is there already. */
export class PartPublisher implements CmafSink {
	readonly #parts: PartPublisherParts;
	readonly #startedAtMs: number;
	#writer: PartRingWriter;
	/** Complete segments in the playlist. */
	#listed: Listed[];
	#discontinuity: boolean;
	#init: Buffer = Buffer.alloc(0);
	#initMsn = 0;
	#initIsNew = false;
	#period: PartPeriod = { msn: 0, originMs: 0, startMs: 0 };
	#open: Open | null = null;

	constructor(parts: PartPublisherParts) {
		this.#parts = parts;
		this.#writer = parts.writer;
		if (this.#writer.get(PartWord.nextMsn) === 0) {
			const elapsedMs = Math.max(0, parts.startedAtMs - LIVE_EPOCH_MS);
			this.#writer.set(PartWord.discontinuities, 1 + Math.floor(elapsedMs / DISCONTINUITY_MS));
		}
		const past = this.#readPast();
		const lastStartMs = past.at(-1)?.programDateTimeMs ?? 0;
		// A clock that was set back must not turn back time.
		this.#startedAtMs = Math.max(parts.startedAtMs, lastStartMs + 1);
		this.#listed = past;
		this.#discontinuity = this.#listed.length > 0;
		const expectedBytes = (parts.bitsPerSecond / 8) * EXPECTED_TARGET * WINDOW_TARGETS * RETENTION;
		this.#ensureCapacity(Math.max(expectedBytes, this.#writer.usedBytes));
	}

	init(tracks: readonly PackagedTrack[]): void {
		const init = buildInitSegment(tracks);
		this.#initIsNew = !init.equals(this.#init);
		this.#init = init;
	}

	targetDuration(seconds: number, partTargetMs: number): void {
		// A playlist keeps its target durations for life, also over a restart of this task, which was told to keep to them.
		if (this.#writer.get(PartWord.targetDuration) === 0) {
			this.#writer.set(PartWord.partTargetMs, partTargetMs);
			this.#writer.set(PartWord.targetDuration, seconds);
		}
	}

	fragment({ sequenceNumber, runs, independent, startMs, durationMs }: Fragment): void {
		const open = this.#open ?? this.#begin(startMs);
		const payload: Buffer[] = [];
		const chunks = { video: NO_CHUNK, audio: NO_CHUNK };
		let at = 0;
		for (const { track, run } of runs) {
			const number = sequenceNumber * MAX_CHUNKS + (track.kind === 'video' ? 0 : 1);
			const pieces = [buildFragmentHead(number, [{ trackId: track.trackId, run }]), run.payload];
			if (!open.tracks.has(track.kind)) {
				open.tracks.add(track.kind);
				const utcMs = this.#startedAtMs + (run.baseDecodeTime * 1000) / track.timescale;
				pieces.unshift(buildProducerReferenceTime(track.trackId, run.baseDecodeTime, utcMs));
			}
			if (open.parts === 0 && at === 0) {
				pieces.unshift(SEGMENT_TYPE);
			}
			const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
			chunks[track.kind] = { at, length, startTicks: run.baseDecodeTime, durationTicks: run.durationTicks };
			payload.push(...pieces);
			at += length;
		}
		open.bytes += at;
		const listedBytes = this.#listed.reduce((sum, segment) => sum + segment.bytes, open.bytes);
		this.#ensureCapacity(Math.max(listedBytes * RETENTION, at * 4));
		const flags = independent ? PartFlag.independent : 0;
		const record = { kind: PartKind.part, flags, msn: open.msn, index: open.parts, time: durationMs, ...chunks };
		this.#writer.write(record, payload);
		open.parts++;
		open.durationMs += durationMs;
	}

	segmentEnd(discontinuity: boolean): void {
		const open = this.#open;
		if (open !== null) {
			this.#open = null;
			this.#listed.push(open);
			this.#slide();
			this.#close(open.msn);
			this.#discontinuity = discontinuity;
		}
	}

	/** The stream is over. */
	end(): void {
		this.#writer.write({ kind: PartKind.end, msn: 0 });
	}

	/** Nobody watches: gives the memory back. A later viewer gets another playlist, whose numbers go on from here. */
	rest(): void {
		const left = this.#listed.filter(({ discontinuity }) => discontinuity).length;
		this.#writer.set(PartWord.discontinuities, this.#writer.get(PartWord.discontinuities) + left + 1);
		this.#writer.set(PartWord.segmentOpen, 0);
		this.#writer.clear();
		this.#writer = this.#writer.resize(MIN_PART_RING_BYTES);
		this.#parts.moved(this.#writer);
	}

	#begin(startMs: number): Open {
		const programDateTimeMs = Math.round(this.#startedAtMs + startMs);
		const byClock = Math.floor((programDateTimeMs - LIVE_EPOCH_MS) / MSN_MS);
		const next = this.#writer.get(PartWord.nextMsn);
		// Within a playlist numbers have no gaps.
		const msn = this.#listed.length > 0 ? next : Math.max(1, next, byClock);
		if (this.#initIsNew || this.#initMsn === 0) {
			this.#initMsn = msn;
			this.#initIsNew = false;
		}
		const measured = this.#writer.get(PartWord.targetDuration) !== 0;
		const discontinuity = this.#discontinuity;
		this.#discontinuity = false;
		const flags = (discontinuity ? PartFlag.discontinuity : 0) | (measured ? 0 : PartFlag.unmeasured);
		this.#ensureCapacity(this.#writer.usedBytes + this.#init.length * 2);
		this.#writer.set(PartWord.nextMsn, msn + 1);
		this.#writer.set(PartWord.segmentOpen, msn);
		if (discontinuity || this.#period.msn === 0) {
			this.#period = { msn, originMs: this.#startedAtMs, startMs };
		}
		const record = {
			...{ kind: PartKind.segment, flags, msn, index: this.#initMsn, time: programDateTimeMs },
			period: this.#period,
		};
		this.#writer.write(record, [this.#init]);
		this.#open = { msn, durationMs: 0, discontinuity, bytes: this.#init.length, parts: 0, tracks: new Set() };
		return this.#open;
	}

	/** Takes old segments out of the playlist; their bytes stay in the ring for a while. */
	#slide(): void {
		const targetMs = this.#writer.get(PartWord.targetDuration) * 1000;
		let durationMs = this.#listed.reduce((sum, segment) => sum + segment.durationMs, 0);
		let bytes = this.#listed.reduce((sum, segment) => sum + segment.bytes, 0);
		for (let [oldest] = this.#listed; oldest !== undefined; [oldest] = this.#listed) {
			const leftMs = durationMs - oldest.durationMs;
			const isLong = leftMs >= WINDOW_TARGETS * targetMs;
			const isLarge = bytes * RETENTION > MAX_PART_RING_BYTES && leftMs >= MIN_WINDOW_TARGETS * targetMs;
			if (!isLong && !isLarge) {
				return;
			}
			durationMs = leftMs;
			bytes -= oldest.bytes;
			this.#listed.shift();
			if (oldest.discontinuity) {
				this.#writer.set(PartWord.discontinuities, this.#writer.get(PartWord.discontinuities) + 1);
			}
		}
	}

	#close(msn: number): void {
		const firstMsn = this.#listed[0]?.msn ?? msn + 1;
		this.#writer.set(PartWord.firstMsn, firstMsn);
		this.#writer.set(PartWord.segmentOpen, 0);
		const index = this.#writer.get(PartWord.discontinuities);
		this.#writer.write({ kind: PartKind.close, msn, index, time: firstMsn });
	}

	/**
	 * Reads the segments that an earlier publisher has left in the ring. A segment that it did not complete ends where
	 * it is.
	 */
	#readPast(): (Listed & { programDateTimeMs: number })[] {
		const open = this.#writer.get(PartWord.segmentOpen);
		if (open !== 0) {
			this.#writer.set(PartWord.segmentOpen, 0);
			const index = this.#writer.get(PartWord.discontinuities);
			const firstMsn = this.#writer.get(PartWord.firstMsn);
			this.#writer.write({ kind: PartKind.close, msn: open, index, time: firstMsn });
		}
		const window = new LiveWindow();
		const reader = new PartRingReader(this.#writer.ring);
		for (let batch = reader.scan(reader.oldest); batch !== null && batch !== LAPPED; batch = reader.scan(batch.next)) {
			batch.records.forEach((record) => {
				window.apply(record);
			});
		}
		return window.listed.map(({ msn, durationMs, discontinuity, programDateTimeMs, parts, init }) => {
			const bytes = parts.reduce((sum, { length }) => sum + length, init.length);
			return { msn, durationMs, discontinuity, programDateTimeMs, bytes };
		});
	}

	#ensureCapacity(bytes: number): void {
		const { capacityBytes } = this.#writer;
		if (bytes > capacityBytes && capacityBytes < MAX_PART_RING_BYTES) {
			this.#writer = this.#writer.resize(partRingBytesFor(bytes * RING_SLACK));
			this.#parts.moved(this.#writer);
		}
	}
}
