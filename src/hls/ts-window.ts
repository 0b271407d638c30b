// Spec: rfc8216bis-22 6.2.1, 6.2.2 (what a server must keep to in a live playlist)
import { mkdir, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { PeerError } from '../errors.js';
import {
	type MediaPlaylist,
	PLAIN_PLAYLIST,
	type PlaylistSegment,
	type SegmentKey,
	serializeMediaPlaylist,
} from '../protocol/m3u8/media-playlist.js';
import { parseMediaPlaylist } from '../protocol/m3u8/media-playlist-parser.js';
import { UNFINISHED, writeFileWhole } from '../record/atomic-file.js';
import { errorCodeOf } from '../record/file-error.js';
import { JobQueue } from '../record/job-queue.js';
import type { TsSegment, TsSink } from '../remux/ts-segmenter.js';
import { SegmentEncryption } from './segment-encryption.js';

export const HLS_PLAYLIST = 'index.m3u8';

export type HlsOptions = {
	/** Segments that make up this much stay in the playlist; 0 = all. */
	windowMs: number;
	/** Segments that share one key; 0 = no encryption. */
	segmentsPerKey: number;
	/** Wall clock of the first frame, milliseconds since 1970. */
	startedAtMs: number;
};

type Listed = PlaylistSegment & { number: number };
type Leaving = { uri: string; removeAtMs: number };

const VERSION = 3;
/** A live playlist must not get shorter than this many target durations. */
const MIN_TARGET_DURATIONS = 3;
const SEGMENT_NAME = /^segment_(\d+)\.ts$/;

/**
 * Transport stream segments of one stream and their playlist. Numbers go on over ends and restarts, so that no player ever sees
 * the sequence go back; a playlist that a crash has left open is continued behind a discontinuity.
 */
export class TsWindow implements TsSink {
	readonly #directory: string;
	readonly #options: HlsOptions;
	readonly #jobs = new JobQueue();
	readonly #encryption: SegmentEncryption | null;
	#segments: Listed[] = [];
	#leaving: Leaving[] = [];
	#nextNumber: number;
	#discontinuitySequence: number;
	#discontinuity: boolean;
	#targetDuration: number;
	#bytesWritten = 0;
	#ended = false;

	private constructor(directory: string, options: HlsOptions, past: Past) {
		this.#directory = directory;
		this.#options = options;
		this.#encryption =
			options.segmentsPerKey > 0 ? new SegmentEncryption(directory, this.#jobs, options.segmentsPerKey) : null;
		this.#segments = past.segments;
		this.#nextNumber = past.nextNumber;
		this.#discontinuitySequence = past.discontinuitySequence;
		this.#discontinuity = past.segments.length > 0;
		this.#targetDuration = past.targetDuration;
	}

	/** Goes on in `directory`, which is made if need be, where an earlier output has stopped. */
	static async open(directory: string, options: HlsOptions): Promise<TsWindow> {
		await mkdir(directory, { recursive: true });
		const past = await readPast(directory);
		if (options.windowMs === 0 && past.replaces !== null) {
			await rename(path.join(directory, HLS_PLAYLIST), path.join(directory, past.replaces));
		}
		const output = new TsWindow(directory, options, past);
		await output.#removeForgotten();
		return output;
	}

	/** Bytes of all segments so far. */
	get bytesWritten(): number {
		return this.#bytesWritten;
	}

	tracks(): void {
		// The tables in each segment say what it holds; a media playlist does not.
	}

	leftOut(): void {
		// The recorder says so in the log, once for each track.
	}

	targetDuration(seconds: number): void {
		if (this.#segments.length > 0 && this.#targetDuration !== seconds) {
			// A playlist keeps its target duration for life: this is another one.
			this.#forgetAll();
		}
		this.#targetDuration = seconds;
	}

	segment(segment: TsSegment): void {
		const number = this.#nextNumber++;
		const uri = `segment_${number}.ts`;
		const { bytes, key } = this.#encrypted(segment.bytes, number);
		this.#bytesWritten += bytes.length;
		const file = path.join(this.#directory, uri);
		this.#jobs.add(() => writeFileWhole(file, [bytes]));
		this.#segments.push({
			number,
			uri,
			duration: segment.durationMs / 1000,
			discontinuity: this.#discontinuity,
			map: null,
			key,
			programDateTimeMs: Math.round(this.#options.startedAtMs + segment.startMs),
			parts: [],
		});
		this.#discontinuity = segment.discontinuity;
		this.#slide();
		this.#writePlaylist();
		this.#removeLeft();
	}

	end(): void {
		this.#ended = true;
		if (this.#segments.length > 0) {
			this.#writePlaylist();
		}
	}

	/** Writes what has been handed over. Rejects with the disk's error. */
	async flush(): Promise<void> {
		await this.#jobs.flush();
	}

	#encrypted(bytes: Buffer, number: number): { bytes: Buffer; key: SegmentKey | null } {
		return this.#encryption?.encrypt(bytes, number) ?? { bytes, key: null };
	}

	#slide(): void {
		const { windowMs } = this.#options;
		if (windowMs === 0) {
			return;
		}
		const keep = Math.max(windowMs / 1000, MIN_TARGET_DURATIONS * this.#targetDuration);
		let total = this.#segments.reduce((sum, { duration }) => sum + duration, 0);
		while (this.#segments.length > 1 && total - this.#segments[0]!.duration >= keep) {
			total -= this.#segments[0]!.duration;
			this.#drop(keep);
		}
	}

	/** Takes the oldest segment out of the playlist; its file stays for those who have just seen it there. */
	#drop(playlistSeconds: number): void {
		const segment = this.#segments.shift()!;
		this.#discontinuitySequence += segment.discontinuity ? 1 : 0;
		const staysMs = (segment.duration + playlistSeconds + this.#targetDuration) * 1000;
		this.#leaving.push({ uri: segment.uri, removeAtMs: Date.now() + staysMs });
		if (segment.key !== null && segment.key.uri !== this.#segments[0]?.key?.uri) {
			this.#leaving.push({ uri: segment.key.uri, removeAtMs: Date.now() + staysMs });
		}
	}

	#forgetAll(): void {
		const seconds = this.#segments.reduce((sum, { duration }) => sum + duration, 0);
		while (this.#segments.length > 0) {
			this.#drop(seconds);
		}
		this.#discontinuitySequence += 1;
		this.#discontinuity = false;
	}

	#writePlaylist(): void {
		const sliding = this.#options.windowMs > 0;
		const text = serializeMediaPlaylist({
			...PLAIN_PLAYLIST,
			version: VERSION,
			independentSegments: false,
			type: sliding ? null : 'EVENT',
			targetDuration: this.#targetDuration,
			mediaSequence: this.#segments[0]!.number,
			discontinuitySequence: this.#discontinuitySequence,
			segments: this.#segments,
			ended: this.#ended,
		});
		const file = path.join(this.#directory, HLS_PLAYLIST);
		this.#jobs.add(() => writeFileWhole(file, [Buffer.from(text)]));
	}

	#removeLeft(): void {
		const now = Date.now();
		while (this.#leaving.length > 0 && this.#leaving[0]!.removeAtMs <= now) {
			const file = path.join(this.#directory, this.#leaving.shift()!.uri);
			this.#jobs.add(() => removeIfThere(file));
		}
	}

	/** Files of an earlier life that no playlist lists any more go when they are older than any player could want. */
	async #removeForgotten(): Promise<void> {
		const { windowMs } = this.#options;
		if (windowMs === 0) {
			return;
		}
		const listed = new Set(this.#segments.flatMap(({ uri, key }) => [uri, key?.uri]));
		for (const name of await readdir(this.#directory)) {
			const isOurs = SEGMENT_NAME.test(name) || name.endsWith('.key') || name.endsWith(UNFINISHED);
			if (isOurs && !listed.has(name)) {
				const file = path.join(this.#directory, name);
				const { mtimeMs } = await stat(file);
				this.#leaving.push({ uri: name, removeAtMs: mtimeMs + windowMs * 2 });
			}
		}
		this.#leaving.sort((a, b) => a.removeAtMs - b.removeAtMs);
	}
}

/** What an earlier life has left in the directory. */
type Past = {
	segments: Listed[];
	nextNumber: number;
	discontinuitySequence: number;
	targetDuration: number;
	/** Name for the playlist that is there, when it is not continued. */
	replaces: string | null;
};

async function readPast(directory: string): Promise<Past> {
	const numbers = (await readdir(directory)).flatMap((name) => Number(SEGMENT_NAME.exec(name)?.[1] ?? []));
	const afterFiles = Math.max(0, ...numbers) + 1;
	const playlist = await readPlaylist(path.join(directory, HLS_PLAYLIST));
	if (playlist === null) {
		return { segments: [], nextNumber: afterFiles, discontinuitySequence: 0, targetDuration: 0, replaces: null };
	}
	const { mediaSequence, discontinuitySequence, targetDuration } = playlist;
	const nextNumber = Math.max(afterFiles, mediaSequence + playlist.segments.length);
	// Numbers in a playlist have no gaps: a segment that was written but not listed ends what can be continued.
	const goesOn = !playlist.ended && nextNumber === mediaSequence + playlist.segments.length;
	if (goesOn) {
		const segments = playlist.segments.map((segment, index) => ({ ...segment, number: mediaSequence + index }));
		return { segments, nextNumber, discontinuitySequence, targetDuration, replaces: null };
	}
	const discontinuities = playlist.segments.filter(({ discontinuity }) => discontinuity).length;
	return {
		segments: [],
		nextNumber,
		discontinuitySequence: discontinuitySequence + discontinuities + 1,
		targetDuration,
		replaces: `index_${mediaSequence}.m3u8`,
	};
}

async function readPlaylist(file: string): Promise<MediaPlaylist | null> {
	try {
		return parseMediaPlaylist(await readFile(file, 'utf8'));
	} catch (error) {
		if (error instanceof PeerError || errorCodeOf(error) === 'ENOENT') {
			return null;
		}
		throw error;
	}
}

async function removeIfThere(file: string): Promise<void> {
	try {
		await unlink(file);
	} catch (error) {
		if (errorCodeOf(error) !== 'ENOENT') {
			throw error;
		}
	}
}
