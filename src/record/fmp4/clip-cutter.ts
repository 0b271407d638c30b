import type { FaststartTrack, ShownRange } from '../../container/mp4/faststart.js';
import { totalBytes } from '../../container/mp4/fragment-reader.js';
import { timescaleOf } from '../../container/mp4/init-segment.js';
import { SampleRun, SYNC_SAMPLE_FLAGS } from '../../container/mp4/sample-run.js';
import type { ScannedFragment } from './fragment-scan.js';

/** Bytes of a segment that belong to a clip. */
export type Piece = { file: string; start: number; end: number };

/** Sound that is decoded, but not heard, so that what follows sounds as it did: 80 ms of Opus (RFC 7845, 4.6), a frame of AAC. */
const PREROLL_MS = 100;
/** Playlists tell the time in whole milliseconds. */
const ROUNDING_MS = 1;

/** Byte ranges in order; neighbours become one. */
export class PieceList {
	readonly all: Piece[] = [];
	bytes = 0;

	/** @returns where the bytes come to lie in the media data. */
	add(file: string, start: number, end: number): number {
		const at = this.bytes;
		const last = this.all.at(-1);
		if (last?.file === file && last.end === start) {
			last.end = end;
		} else {
			this.all.push({ file, start, end });
		}
		this.bytes += end - start;
		return at;
	}
}

type FoundRun = { track: FaststartTrack; run: SampleRun; file: string; start: number };

/** Picks the samples of a clip, whose range is in milliseconds of the take, out of the take's runs. */
export class ClipCutter {
	readonly shown: ShownRange;
	readonly #tracks: ReadonlyMap<number, FaststartTrack>;
	readonly #hasVideo: boolean;
	#runs: FoundRun[] = [];
	/** The last one shown at or before the beginning, or else the first of all. */
	#keyframe: { decodeTime: number; shownMs: number } | null = null;
	/** The picture to be decoded last. */
	#lastDecodeTime = -1;

	constructor(tracks: ReadonlyMap<number, FaststartTrack>, fromMs: number, toMs: number) {
		this.#tracks = tracks;
		this.shown = { fromMs, toMs };
		this.#hasVideo = [...tracks.values()].some(({ config }) => config.kind === 'video');
	}

	/** True when the added samples are enough to decode the clip's first picture. */
	get isDecodable(): boolean {
		return !this.#hasVideo || (this.#keyframe !== null && this.#isEarly(this.#keyframe.shownMs));
	}

	/** Fragments of one file, behind (or in front of) all that have been added. */
	add(file: string, fragments: readonly ScannedFragment[], inFront: boolean): void {
		const added: FoundRun[] = [];
		for (const { runs, moofStart, mdatStart, mdatEnd } of fragments) {
			for (const { trackId, run, dataOffset } of runs) {
				const track = this.#tracks.get(trackId);
				const start = moofStart + dataOffset;
				if (track !== undefined && start >= mdatStart && start + totalBytes(run) <= mdatEnd) {
					added.push({ track, run, file, start });
				}
			}
		}
		this.#runs = inFront ? [...added, ...this.#runs] : [...this.#runs, ...added];
		for (const { track, run } of added.filter(({ track }) => track.config.kind === 'video')) {
			this.#lookAt(track, run);
		}
	}

	/** Hands the clip's samples to the tracks' tables. @returns where their bytes are. */
	finish(): PieceList {
		const { fromMs, toMs } = this.shown;
		const pieces = new PieceList();
		const firstDecodeTime = this.#keyframe?.decodeTime ?? Number.POSITIVE_INFINITY;
		// Players that know no edit lists present the same moment: sound begins with the keyframe.
		const soundFromMs = Math.min(fromMs, this.#keyframe?.shownMs ?? fromMs) - PREROLL_MS;
		for (const found of this.#runs) {
			const isVideo = found.track.config.kind === 'video';
			takeSamples(found, pieces, (decodeTime, shownMs, durationMs) =>
				isVideo
					? decodeTime >= firstDecodeTime && decodeTime <= this.#lastDecodeTime
					: shownMs + durationMs > soundFromMs && shownMs < toMs,
			);
		}
		return pieces;
	}

	#lookAt(track: FaststartTrack, run: SampleRun): void {
		forEachSample(track, run, (index, decodeTime, shownMs) => {
			if (shownMs < this.shown.toMs) {
				this.#lastDecodeTime = Math.max(this.#lastDecodeTime, decodeTime);
			}
			if (run.flags[index] === SYNC_SAMPLE_FLAGS && this.#isBetter(decodeTime, shownMs)) {
				this.#keyframe = { decodeTime, shownMs };
			}
		});
	}

	#isBetter(decodeTime: number, shownMs: number): boolean {
		const present = this.#keyframe;
		if (present === null || this.#isEarly(shownMs) !== this.#isEarly(present.shownMs)) {
			return present === null || this.#isEarly(shownMs);
		}
		return this.#isEarly(shownMs) === decodeTime > present.decodeTime;
	}

	#isEarly(shownMs: number): boolean {
		return shownMs <= this.shown.fromMs + ROUNDING_MS;
	}
}

function forEachSample(
	{ config, mediaTimeOffset }: FaststartTrack,
	run: SampleRun,
	visit: (index: number, decodeTime: number, shownMs: number, durationMs: number) => void,
): void {
	const ticksPerMs = timescaleOf(config) / 1000;
	let decodeTime = run.baseDecodeTime;
	for (let index = 0; index < run.count; index++) {
		const duration = run.durations[index]!;
		const shown = decodeTime + run.compositionOffsets[index]! - mediaTimeOffset;
		visit(index, decodeTime, shown / ticksPerMs, duration / ticksPerMs);
		decodeTime += duration;
	}
}

/** Adds what belongs to the clip, which are neighbours, to the track's table. */
function takeSamples(
	{ track, run, file, start }: FoundRun,
	pieces: PieceList,
	belongs: (decodeTime: number, shownMs: number, durationMs: number) => boolean,
): void {
	const kept = new SampleRun();
	let keptFrom = start;
	let at = start;
	forEachSample(track, run, (index, decodeTime, shownMs, durationMs) => {
		const size = run.sizes[index]!;
		if (belongs(decodeTime, shownMs, durationMs)) {
			if (kept.count === 0) {
				kept.reset(decodeTime);
				keptFrom = at;
			}
			kept.add(size, run.durations[index]!, run.flags[index]!, run.compositionOffsets[index]!);
		}
		at += size;
	});
	if (kept.count > 0) {
		track.table.addRun(kept, pieces.add(file, keptFrom, keptFrom + totalBytes(kept)));
	}
}
