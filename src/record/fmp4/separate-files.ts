import path from 'node:path';
import { type ManifestPeriod, serializeManifest, UTC_TIMING_URL } from '../../protocol/mpd/manifest.js';
import type { Fragment, PackagedTrack } from '../../remux/cmaf-packager.js';
import type { DiskQueue } from '../disk/disk-queue.js';
import { MASTER_PLAYLIST, masterPlaylist } from './master-playlist.js';
import { SeparateTrack, startPeriods } from './separate-track.js';
import { describeTracks, describeWindow, isMetaDue, type TakeMeta } from './take-meta.js';
import type { TakeWindow } from './take-window.js';
import { MIN_TARGET_DURATIONS } from './window-playlist.js';

/** A running take's manifest is made anew with every second segment, and players are told to stay so far behind (take-meta.ts). */
const SEGMENTS_PER_MANIFEST = 2;
/** The master playlist is written again when a peak of the bit rate has gone beyond what it says by this share. */
const BANDWIDTH_STEP = 1.2;

/** Tracks that begin together: a period of the manifest. */
type Period = { startMs: number; first: { video: number; audio: number } };

/** `output_separate`: each track in files and a playlist of its own, a master playlist, and a DASH manifest. */
export class SeparateOutput {
	readonly #directory: string;
	readonly #queue: DiskQueue;
	readonly #startedAtMs: number;
	readonly #window: TakeWindow;
	readonly #outputs: { video: SeparateTrack | null; audio: SeparateTrack | null } = { video: null, audio: null };
	#tracks: readonly PackagedTrack[] = [];
	readonly #periods: Period[] = [];
	#periodPending = false;
	#targetDuration = 0;
	#durationMs = 0;
	#segments = 0;
	#saidBandwidth = 0;

	constructor(directory: string, queue: DiskQueue, startedAtMs: number, window: TakeWindow) {
		this.#directory = directory;
		this.#queue = queue;
		this.#startedAtMs = startedAtMs;
		this.#window = window;
	}

	init(tracks: readonly PackagedTrack[]): void {
		this.#tracks = [...tracks];
		this.#periodPending = true;
		this.#saidBandwidth = 0;
		for (const track of tracks) {
			let output = this.#outputs[track.kind];
			if (output === null) {
				output = new SeparateTrack(track.kind, this.#directory, this.#queue, this.#startedAtMs, this.#window);
				this.#outputs[track.kind] = output;
				if (this.#targetDuration > 0) {
					output.start(this.#targetDuration);
				}
			}
			output.init(track);
		}
		this.#writeMeta(false);
	}

	targetDuration(seconds: number): void {
		this.#targetDuration = seconds;
		this.#each((output) => output.start(seconds));
	}

	fragment({ sequenceNumber, runs, startMs, durationMs }: Fragment): void {
		if (this.#periodPending) {
			this.#periodPending = false;
			const { video, audio } = this.#outputs;
			const first = { video: (video?.timelines.length ?? 0) - 1, audio: (audio?.timelines.length ?? 0) - 1 };
			// Sound may begin a little before the first picture.
			this.#periods.push({ startMs: this.#periods.length === 0 ? 0 : startMs, first });
		}
		for (const { track, run } of runs) {
			this.#outputs[track.kind]?.add(sequenceNumber, track.trackId, run);
		}
		this.#durationMs = startMs + durationMs;
	}

	segmentEnd(discontinuity: boolean): void {
		this.#each((output) => output.segmentEnd(discontinuity));
		const { video, audio } = this.#outputs;
		const peak = (video?.peakBitsPerSecond ?? 0) + (audio?.peakBitsPerSecond ?? 0);
		if (peak > this.#saidBandwidth) {
			this.#saidBandwidth = peak * BANDWIDTH_STEP;
			this.#writeMaster(peak * BANDWIDTH_STEP);
		}
		this.#segments++;
		if (this.#segments % SEGMENTS_PER_MANIFEST === 1) {
			this.#writeManifest(true);
		}
		if (isMetaDue(this.#segments)) {
			this.#writeMeta(false);
		}
	}

	end(): void {
		this.#each((output) => output.end());
		this.#writeManifest(false);
		this.#writeMeta(true);
	}

	#each(act: (output: SeparateTrack) => void): void {
		for (const output of [this.#outputs.video, this.#outputs.audio]) {
			if (output !== null) {
				act(output);
			}
		}
	}

	#writeMaster(peak: number): void {
		const { video, audio } = this.#outputs;
		const average = (video?.averageBitsPerSecond ?? 0) + (audio?.averageBitsPerSecond ?? 0);
		const configs = this.#tracks.map(({ config }) => config);
		this.#write(MASTER_PLAYLIST, masterPlaylist(configs, { peak, average }));
	}

	#writeManifest(live: boolean): void {
		const { keepMs } = this.#window;
		const segmentMs = Math.max(1, this.#targetDuration) * 1000;
		const manifestMs = Math.max(this.#window.manifestMs, MIN_TARGET_DURATIONS * segmentMs);
		const fromMs = this.#durationMs - (live || keepMs !== null ? manifestMs : Number.POSITIVE_INFINITY);
		if (keepMs !== null) {
			this.#each((output) => output.forget(fromMs));
		}
		const periods = this.#periods.flatMap((period) => this.#describePeriod(period, fromMs));
		const startMs = live || keepMs === null ? 0 : startPeriods(periods);
		const text = serializeManifest({
			live: live
				? {
						availabilityStartTimeMs: this.#startedAtMs,
						publishTimeMs: this.#startedAtMs + Math.round(this.#durationMs),
						minimumUpdatePeriodMs: segmentMs,
						timeShiftBufferDepthMs: manifestMs,
						suggestedPresentationDelayMs: segmentMs * (SEGMENTS_PER_MANIFEST + 2),
						utcTimingUrl: UTC_TIMING_URL,
						latency: null,
					}
				: null,
			durationMs: this.#durationMs - startMs,
			minBufferTimeMs: segmentMs + 500,
			maxSegmentDurationMs: segmentMs + 500,
			periods,
		});
		this.#write('manifest.mpd', text);
	}

	#describePeriod({ startMs, first }: Period, fromMs: number): ManifestPeriod[] {
		const tracks = (['video', 'audio'] as const).flatMap((kind) => {
			const output = this.#outputs[kind];
			const timeline = output?.timelines[first[kind]];
			if (output === null || timeline === undefined) {
				return [];
			}
			const fromTicks = (fromMs * timeline.track.timescale) / 1000;
			return timeline.describe(fromTicks, output.peakBitsPerSecond * BANDWIDTH_STEP) ?? [];
		});
		return tracks.length === 0 ? [] : [{ id: `p${Math.round(startMs)}`, startMs, mediaStartMs: startMs, tracks }];
	}

	#writeMeta(finished: boolean): void {
		const meta: TakeMeta = {
			...describeTracks(this.#tracks),
			...describeWindow(this.#window),
			duration: this.#durationMs / 1000,
			audioSegmentCount: this.#outputs.audio?.segmentCount ?? 0,
			videoSegmentCount: this.#outputs.video?.segmentCount ?? 0,
			startedAt: this.#startedAtMs,
			finished,
		};
		this.#write('meta.json', `${JSON.stringify(meta, null, '\t')}\n`);
	}

	#write(name: string, text: string): void {
		this.#queue.writeWhole(path.join(this.#directory, name), [Buffer.from(text)]);
	}
}
