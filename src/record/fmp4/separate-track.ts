import path from 'node:path';
import { buildInitSegment } from '../../container/mp4/init-segment.js';
import { buildFragmentHead, buildSegmentType } from '../../container/mp4/media-segment.js';
import type { SampleRun } from '../../container/mp4/sample-run.js';
import { describeTrack, type ManifestPeriod, type ManifestTrack } from '../../protocol/mpd/manifest.js';
import { SegmentTimeline } from '../../protocol/mpd/segment-timeline.js';
import type { PackagedTrack } from '../../remux/cmaf-packager.js';
import type { DiskQueue } from '../disk/disk-queue.js';
import { SegmentFiles } from '../disk/segment-file.js';
import type { TakePlaylist } from './event-playlist.js';
import { type TakeWindow, takePlaylist } from './take-window.js';

const SEGMENT_TYPE = buildSegmentType();

/** Segments of one track under one init segment, as a manifest lists them. */
export class TrackTimeline {
	readonly track: PackagedTrack;
	readonly initName: string;
	/** The number of the first known segment. */
	firstNumber: number;
	readonly #timeline = new SegmentTimeline();

	constructor(track: PackagedTrack, initName: string, firstNumber: number) {
		this.track = track;
		this.initName = initName;
		this.firstNumber = firstNumber;
	}

	add(startTicks: number, durationTicks: number): void {
		this.#timeline.add(startTicks, durationTicks);
	}

	/** The segments that end before `fromTicks` are not there any more. */
	forget(fromTicks: number): void {
		this.firstNumber += this.#timeline.forget(fromTicks);
	}

	/** As the manifest says it, from the first segment on that ends after `fromTicks`; null without segments. */
	describe(fromTicks: number, bandwidth: number): ManifestTrack | null {
		const { skipped, runs } = this.#timeline.after(fromTicks);
		if (runs.length === 0) {
			return null;
		}
		return {
			...describeTrack(this.track),
			bandwidth,
			initialization: this.initName,
			media: `${this.track.kind}_$Number$.m4s`,
			startNumber: this.firstNumber + skipped,
			timeline: runs,
			lowLatency: null,
		};
	}
}

/** Lets what is left of a take begin at 0, with its first segment. @returns the media time of that. */
export function startPeriods(periods: ManifestPeriod[]): number {
	const [first] = periods;
	if (first === undefined) {
		return 0;
	}
	const starts = first.tracks.map(({ timeline, timescale }) => (timeline[0]!.startTicks * 1000) / timescale);
	const startMs = Math.max(first.startMs, Math.min(...starts));
	periods[0] = { ...first, startMs, mediaStartMs: startMs };
	for (const [index, period] of periods.entries()) {
		periods[index] = { ...period, startMs: period.startMs - startMs };
	}
	return startMs;
}

/** One track of `output_separate`: its init segments, segments and playlist. */
export class SeparateTrack {
	readonly kind: 'video' | 'audio';
	readonly #directory: string;
	readonly #queue: DiskQueue;
	readonly #startedAtMs: number;
	readonly #segments: SegmentFiles;
	readonly #playlist: TakePlaylist;
	/** One for each init segment; the newest is the last. */
	readonly timelines: TrackTimeline[] = [];
	#startTicks = 0;
	#durationTicks = 0;
	#discontinuity = false;
	#peakBitsPerSecond = 0;
	#totalBytes = 0;
	#totalSeconds = 0;

	constructor(kind: 'video' | 'audio', directory: string, queue: DiskQueue, startedAtMs: number, window: TakeWindow) {
		this.kind = kind;
		this.#directory = directory;
		this.#queue = queue;
		this.#startedAtMs = startedAtMs;
		this.#segments = new SegmentFiles(directory, queue, (number) => `${kind}_${number}.m4s`);
		this.#playlist = takePlaylist(path.join(directory, `${kind}.m3u8`), queue, window);
	}

	get segmentCount(): number {
		return this.#segments.nextNumber - 1;
	}

	get peakBitsPerSecond(): number {
		return this.#peakBitsPerSecond;
	}

	get averageBitsPerSecond(): number {
		return this.#totalSeconds === 0 ? 0 : (this.#totalBytes * 8) / this.#totalSeconds;
	}

	/** The next segments need this track's init segment. It is a file of its own when it differs from the one before. */
	init(track: PackagedTrack): void {
		const last = this.timelines.at(-1);
		let initName = last?.initName;
		if (initName === undefined || last?.track.config !== track.config) {
			const inits = new Set(this.timelines.map((timeline) => timeline.initName)).size;
			initName = inits === 0 ? `${this.kind}_init.mp4` : `${this.kind}_init_${inits + 1}.mp4`;
			this.#queue.writeWhole(path.join(this.#directory, initName), [buildInitSegment([track])]);
		}
		this.timelines.push(new TrackTimeline({ ...track }, initName, this.#segments.nextNumber));
	}

	start(targetDuration: number): void {
		this.#playlist.start(targetDuration);
	}

	add(sequenceNumber: number, trackId: number, run: SampleRun): void {
		const head = buildFragmentHead(sequenceNumber, [{ trackId, run }]);
		if (this.#durationTicks === 0) {
			this.#startTicks = run.baseDecodeTime;
			this.#segments.append([SEGMENT_TYPE, head, run.payload]);
		} else {
			this.#segments.append([head, run.payload]);
		}
		this.#durationTicks = run.baseDecodeTime + run.durationTicks - this.#startTicks;
	}

	segmentEnd(discontinuity: boolean): void {
		const timeline = this.timelines.at(-1);
		const segment = this.#segments.finish();
		if (segment === null || timeline === undefined) {
			this.#discontinuity ||= discontinuity;
			return;
		}
		const { timescale } = timeline.track;
		const seconds = this.#durationTicks / timescale;
		timeline.add(this.#startTicks, this.#durationTicks);
		this.#playlist.add({
			uri: segment.uri,
			duration: seconds,
			discontinuity: this.#discontinuity,
			map: timeline.initName,
			programDateTimeMs: Math.round(this.#startedAtMs + (this.#startTicks * 1000) / timescale),
		});
		this.#discontinuity = discontinuity;
		this.#durationTicks = 0;
		this.#totalBytes += segment.bytes;
		this.#totalSeconds += seconds;
		this.#peakBitsPerSecond = Math.max(this.#peakBitsPerSecond, (segment.bytes * 8) / Math.max(seconds, 0.001));
	}

	/** The manifest does not speak any more of what ended before `fromMs`. */
	forget(fromMs: number): void {
		for (const timeline of this.timelines) {
			timeline.forget((fromMs * timeline.track.timescale) / 1000);
		}
	}

	end(): void {
		this.#playlist.end();
	}
}
