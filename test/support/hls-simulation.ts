import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { parseAacConfig, parseH264Config, type TrackConfig } from '#src/codec/track-config.js';
import type { MediaPlaylist } from '#src/protocol/m3u8/media-playlist.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { TsWindow, type WindowOptions } from '#src/record/hls/ts-window.js';
import { SegmentPlanner } from '#src/remux/segment-planner.js';
import { TsSegmenter } from '#src/remux/ts-segmenter.js';
import * as vectors from '../codec/vectors.js';

export const H264 = parseH264Config(vectors.avcC);
export const OTHER_H264 = parseH264Config(vectors.avcCInterlaced);
export const AAC = parseAacConfig(vectors.ascLc);

const PICTURE = Buffer.from('0000000465000102', 'hex');
const SOUND = Buffer.alloc(20);
const PICTURE_MS = 200;
const SOUND_MS = 100;

export type SimulatedSource = {
	/** Keyframe intervals, in turn. */
	gopsMs: readonly number[];
	video?: TrackConfig | null;
	audio?: TrackConfig | null;
};

/** A player's and a file system's view of one stream's HLS, over hours of a clock of its own. */
export class HlsSimulation {
	readonly directory: string;
	readonly playlist: string;
	nowMs = Date.now();
	/** Finds the faults that a strict player would complain about. */
	checker = new PlaylistChecker();
	readonly violations: string[] = [];
	readonly reports: string[] = [];
	seen: MediaPlaylist | null = null;
	#options: Partial<WindowOptions>;
	#window: TsWindow | null = null;
	#planner: SegmentPlanner | null = null;
	#dtsMs = 0;
	#untilKeyframeMs = 0;
	#gop = 0;
	/** By URI: until when somebody may ask for it. */
	readonly #wanted = new Map<string, number>();
	readonly #stamped = new Set<string>();
	#longestMs = 0;
	#text = '';

	constructor(directory: string, options: Partial<WindowOptions> = {}) {
		this.directory = directory;
		this.playlist = path.join(directory, 'index.m3u8');
		this.#options = options;
	}

	/** Begins a take, or goes on where the last one has stopped. */
	async open(options: Partial<WindowOptions> = {}): Promise<this> {
		this.#options = { ...this.#options, ...options };
		const window = await TsWindow.open(this.directory, {
			type: 'live',
			windowMs: 60_000,
			cleanup: true,
			segmentsPerKey: 0,
			startedAtMs: this.nowMs,
			lagMs: () => 0,
			now: () => this.nowMs,
			report: (_level, message) => this.reports.push(message),
			...this.#options,
		});
		this.#window = window;
		this.#planner = new SegmentPlanner(new TsSegmenter(window), { targetDuration: window.targetDurationKept });
		this.#untilKeyframeMs = 0;
		return this;
	}

	/** The stream goes on for `forMs`; players look at every second. */
	async run(forMs: number, { gopsMs, video = H264, audio = AAC }: SimulatedSource): Promise<this> {
		const planner = this.#planner!;
		for (const config of [video, audio]) {
			if (config !== null) {
				planner.track({ kind: config.kind, sourceId: 0, config });
			}
		}
		const endMs = this.#dtsMs + forMs;
		for (; this.#dtsMs < endMs; this.#dtsMs += SOUND_MS, this.nowMs += SOUND_MS) {
			if (video !== null && this.#dtsMs % PICTURE_MS === 0) {
				const keyframe = this.#untilKeyframeMs <= 0;
				if (keyframe) {
					this.#untilKeyframeMs = gopsMs[this.#gop++ % gopsMs.length]!;
				}
				this.#untilKeyframeMs -= PICTURE_MS;
				const head = { sourceId: 0, dtsMs: this.#dtsMs, compositionTimeMs: 0, droppable: false };
				planner.frame({ ...head, kind: 'video', keyframe, payload: PICTURE });
			}
			if (audio !== null) {
				const head = { sourceId: 0, dtsMs: this.#dtsMs, compositionTimeMs: 0, droppable: false };
				planner.frame({ ...head, kind: 'audio', keyframe: true, payload: SOUND });
			}
			if (this.#dtsMs % 1000 === 0) {
				await this.look();
			}
		}
		return this;
	}

	/** Nobody publishes for `forMs`, and then another source does, or the same again. */
	async splice(forMs: number): Promise<this> {
		await this.pass(forMs);
		this.#planner!.splice();
		this.#untilKeyframeMs = 0;
		return this;
	}

	/** The take is over; `ended`: and the stream with it. */
	async finish(ended: boolean): Promise<this> {
		this.#planner!.end();
		await this.#window!.flush();
		await this.#window!.finish(ended);
		await this.look();
		return this;
	}

	/** Time passes. */
	async pass(ms: number): Promise<this> {
		this.nowMs += ms;
		return this;
	}

	/** A playlist that may differ in everything but its numbers is looked at from now on. */
	expectAnother(): this {
		this.violations.push(...this.checker.violations);
		this.checker = new PlaylistChecker();
		return this;
	}

	/** Looks as players do now: at the playlist, and at everything that they may ask for. */
	async look(): Promise<void> {
		await this.#window!.flush();
		const files = new Set(existsSync(this.directory) ? readdirSync(this.directory) : []);
		if (!files.has('index.m3u8')) {
			return;
		}
		for (const name of files) {
			// Files are as old as the simulation's clock says.
			if (!this.#stamped.has(name)) {
				this.#stamped.add(name);
				utimesSync(path.join(this.directory, name), this.nowMs / 1000, this.nowMs / 1000);
			}
		}
		const text = readFileSync(this.playlist, 'utf8');
		if (text !== this.#text) {
			this.#text = text;
			utimesSync(this.playlist, this.nowMs / 1000, this.nowMs / 1000);
			const playlist = this.checker.see(text);
			if (this.seen !== null) {
				assert.ok(playlist.mediaSequence >= this.seen.mediaSequence, 'the media sequence went back');
				assert.ok(playlist.discontinuitySequence >= this.seen.discontinuitySequence, 'so did the discontinuities');
			}
			this.seen = playlist;
		}
		const { segments } = this.seen!;
		this.#longestMs = Math.max(this.#longestMs, durationMs(this.seen!));
		for (const { uri, duration, key } of segments) {
			for (const name of key === null ? [uri] : [uri, key.uri]) {
				this.#wanted.set(name, this.nowMs + duration * 1000 + this.#longestMs);
			}
		}
		for (const [name, untilMs] of this.#wanted) {
			if (untilMs < this.nowMs) {
				this.#wanted.delete(name);
			} else if (!files.has(name)) {
				this.violations.push(`${name} is gone while players may ask for it`);
				this.#wanted.delete(name);
			}
		}
	}

	get allViolations(): string[] {
		return [...this.violations, ...this.checker.violations];
	}

	get segmentFiles(): string[] {
		return readdirSync(this.directory).filter((name) => name.endsWith('.ts'));
	}

	sizeOf(name: string): number {
		return statSync(path.join(this.directory, name)).size;
	}
}

export function durationMs({ segments }: MediaPlaylist): number {
	return segments.reduce((sum, { duration }) => sum + duration * 1000, 0);
}
