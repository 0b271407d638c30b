import path from 'node:path';
import { buildInitSegment } from '../../container/mp4/init-segment.js';
import { buildFragmentHead, buildSegmentType } from '../../container/mp4/media-segment.js';
import type { Fragment, PackagedTrack } from '../../remux/cmaf-packager.js';
import type { DiskQueue } from '../disk/disk-queue.js';
import { SegmentFiles } from '../disk/segment-file.js';
import type { TakePlaylist } from './event-playlist.js';
import { describeTracks, describeWindow, isMetaDue, type TakeMeta } from './take-meta.js';
import { type TakeWindow, takePlaylist } from './take-window.js';

const SEGMENT_TYPE = buildSegmentType();

/** `output_merge`: all tracks in one file for each segment, and a playlist of them. */
export class MergedOutput {
	readonly #directory: string;
	readonly #queue: DiskQueue;
	readonly #startedAtMs: number;
	readonly #segments: SegmentFiles;
	readonly #playlist: TakePlaylist;
	readonly #window: TakeWindow;
	#tracks: readonly PackagedTrack[] = [];
	#inits = 0;
	#durationMs = 0;
	#segmentStartMs = 0;
	#segmentMs = 0;
	#discontinuity = false;

	constructor(directory: string, queue: DiskQueue, startedAtMs: number, window: TakeWindow) {
		this.#directory = directory;
		this.#queue = queue;
		this.#startedAtMs = startedAtMs;
		this.#window = window;
		this.#segments = new SegmentFiles(directory, queue, (number) => `segment_${number}.m4s`);
		this.#playlist = takePlaylist(path.join(directory, 'index.m3u8'), queue, window);
	}

	init(tracks: readonly PackagedTrack[]): void {
		this.#tracks = [...tracks];
		this.#inits++;
		this.#queue.writeWhole(path.join(this.#directory, this.#initName), [buildInitSegment(tracks)]);
		this.#writeMeta(false);
	}

	targetDuration(seconds: number): void {
		this.#playlist.start(seconds);
	}

	fragment({ sequenceNumber, runs, startMs, durationMs, startsSegment }: Fragment): void {
		const head = buildFragmentHead(
			sequenceNumber,
			runs.map(({ track, run }) => ({ trackId: track.trackId, run })),
		);
		const payloads = runs.map(({ run }) => run.payload);
		this.#segments.append(startsSegment ? [SEGMENT_TYPE, head, ...payloads] : [head, ...payloads]);
		if (startsSegment) {
			this.#segmentStartMs = startMs;
			this.#segmentMs = 0;
		}
		this.#segmentMs += durationMs;
	}

	/** @returns bytes of the segment. */
	segmentEnd(discontinuity: boolean): number {
		const segment = this.#segments.finish();
		if (segment === null) {
			return 0;
		}
		this.#playlist.add({
			uri: segment.uri,
			duration: this.#segmentMs / 1000,
			discontinuity: this.#discontinuity,
			map: this.#initName,
			programDateTimeMs: Math.round(this.#startedAtMs + this.#segmentStartMs),
		});
		this.#durationMs += this.#segmentMs;
		this.#discontinuity = discontinuity;
		if (isMetaDue(segment.number)) {
			this.#writeMeta(false);
		}
		return segment.bytes;
	}

	end(): void {
		this.#playlist.end();
		this.#writeMeta(true);
	}

	get #initName(): string {
		return this.#inits === 1 ? 'init.mp4' : `init_${this.#inits}.mp4`;
	}

	#writeMeta(finished: boolean): void {
		const meta: TakeMeta = {
			...describeTracks(this.#tracks),
			...describeWindow(this.#window),
			duration: this.#durationMs / 1000,
			segmentCount: this.#segments.nextNumber - 1,
			startedAt: this.#startedAtMs,
			finished,
		};
		const text = `${JSON.stringify(meta, null, '\t')}\n`;
		this.#queue.writeWhole(path.join(this.#directory, 'meta.json'), [Buffer.from(text)]);
	}
}
