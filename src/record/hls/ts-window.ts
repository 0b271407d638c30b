// Spec: rfc8216bis-22 6.2.1, 6.2.2 (what a server must keep to in a live playlist)
import path from 'node:path';
import type { BufferPool } from '../../bytes/buffer-pool.js';
import type { VideoConfig } from '../../codec/track-config.js';
import {
	type MediaPlaylist,
	PLAIN_PLAYLIST,
	type PlaylistSegment,
	segmentLines,
	serializeMediaPlaylist,
} from '../../protocol/m3u8/media-playlist.js';
import type { SourceTrack } from '../../remux/frame.js';
import type { TsSegment, TsSink } from '../../remux/ts-segmenter.js';
import { UNFINISHED } from '../disk/atomic-file.js';
import { DiskQueue } from '../disk/disk-queue.js';
import { ExpiringFiles } from '../disk/expiring-files.js';
import { PlaylistFile } from '../disk/playlist-file.js';
import type { RecorderEvent } from '../output.js';
import { HLS_PLAYLIST, type Past, readPast, segmentName } from './past-playlist.js';
import { SegmentEncryption } from './segment-encryption.js';
import type { Variants, VariantTracks } from './variants.js';

export type WindowOptions = {
	/** live: old segments leave the playlist. event: it only grows. */
	type: 'live' | 'event';
	/** At least segments that make up this much stay in a live playlist. */
	windowMs: number;
	/** True when files that have left the playlist are removed. */
	cleanup: boolean;
	/** Segments that share one AES-128 key; 0 = no encryption. */
	segmentsPerKey: number;
	/** Wall clock of the first frame, milliseconds since 1970. */
	startedAtMs: number;
	/** Returns how long ago the newest frame came in. That frame has ended a segment. */
	lagMs: () => number;
	now: () => number;
	/** The pool that takes the memory of segments once they are on their way. */
	pool?: BufferPool;
	/** The playlist that the stream is a variant in. */
	variants?: Variants | null;
	report: (level: RecorderEvent['level'], message: string, fields: RecorderEvent['fields']) => void;
};

/** A segment in the playlist. */
type Listed = PlaylistSegment & { number: number };

const VERSION = 3;
/** A live playlist must not get shorter than this many target durations. */
const MIN_TARGET_DURATIONS = 3;
/**
 * Old segments leave a live playlist so many target durations at a time: in between, a segment is a small write at its end. A playlist
 * made anew costs as much as a segment.
 */
const STEP_TARGET_DURATIONS = 4;
/** The names of files that may lie beside our segments. */
const OUR_FILES = /^(segment_\d+\.ts|key_\d+\.key)(\.tmp)?$|\.m3u8\.tmp$/;

/**
 * Transport stream segments of one stream and their playlist. Numbers go on over ends and restarts, so that no player ever sees
 * the sequence go back; a playlist that was left open a moment ago is continued behind a discontinuity. Calls only order the work;
 * `flush` does it.
 */
export class TsWindow implements TsSink {
	readonly #directory: string;
	readonly #options: WindowOptions;
	readonly #type: MediaPlaylist['type'];
	readonly #past: Past;
	readonly #queue = new DiskQueue('hls');
	readonly #playlist: PlaylistFile;
	readonly #expiring: ExpiringFiles;
	readonly #encryption: SegmentEncryption | null;
	#listed: Listed[] = [];
	#listedMs = 0;
	#nextNumber: number;
	#discontinuitySequence: number;
	#discontinuity: boolean;
	#targetDuration: number;
	/** Wall clock of time 0, as of the last discontinuity. */
	#zeroMs: number;
	#segments = 0;
	#durationMs = 0;
	#bytesWritten = 0;
	#saidDependent = false;
	#variantsDue = false;
	#tracks: VariantTracks = { codecs: [], width: null, height: null };

	private constructor(directory: string, options: WindowOptions, past: Past, expiring: ExpiringFiles) {
		const { type, segmentsPerKey, startedAtMs } = options;
		this.#directory = directory;
		this.#playlist = new PlaylistFile(path.join(directory, HLS_PLAYLIST), this.#queue);
		this.#options = options;
		this.#type = playlistType(type);
		this.#past = past;
		this.#expiring = expiring;
		this.#encryption = segmentsPerKey > 0 ? new SegmentEncryption(segmentsPerKey) : null;
		this.#nextNumber = past.nextNumber;
		this.#discontinuitySequence = past.discontinuitySequence;
		this.#discontinuity = past.open !== null;
		this.#targetDuration = past.open?.targetDuration ?? 0;
		this.#zeroMs = startedAtMs;
		for (const [index, segment] of (past.open?.segments ?? []).entries()) {
			this.#list(segment, past.open!.mediaSequence + index);
		}
	}

	/** Goes on in `directory` where an earlier take has stopped. Nothing is written before the first segment. */
	static async open(directory: string, options: WindowOptions): Promise<TsWindow> {
		const { windowMs, cleanup, now } = options;
		const type = playlistType(options.type);
		const past = await readPast(directory, { type, staleMs: windowMs, nowMs: now() });
		const expiring = new ExpiringFiles(directory);
		if (cleanup && type === null) {
			const { targetDuration = 0, segments = [] } = past.open ?? past.closed?.playlist ?? {};
			// Listed for the length of a playlist after they were written, and wanted for as long again.
			const longestMs = playlistMs(windowMs, targetDuration) + (STEP_TARGET_DURATIONS + 2) * targetDuration * 1000;
			const keepMs = 2 * longestMs;
			const listed = new Set(past.open && segments.flatMap(({ uri, key }) => [uri, key?.uri]));
			for (const name of past.files.filter((name) => OUR_FILES.test(name) && !listed.has(name))) {
				await expiring.addOld(name, name.endsWith(UNFINISHED) ? 0 : keepMs);
			}
		}
		return new TsWindow(directory, options, past, expiring);
	}

	/** The target duration of the playlist that is continued; 0 when one is begun. */
	get targetDurationKept(): number {
		return this.#past.open?.targetDuration ?? 0;
	}

	/** Bytes of all segments so far. */
	get bytesWritten(): number {
		return this.#bytesWritten;
	}

	/** The size of this take. */
	get summary(): { segments: number; durationMs: number } {
		return { segments: this.#segments, durationMs: Math.round(this.#durationMs) };
	}

	tracks(codecs: readonly string[], video: VideoConfig | null): void {
		this.#tracks = { codecs, width: video?.width ?? null, height: video?.height ?? null };
	}

	leftOut({ kind, config }: SourceTrack, leading: boolean): void {
		const message = leading
			? 'no HLS: MPEG-TS cannot carry the codec'
			: 'HLS goes without a track: MPEG-TS cannot carry it';
		this.#options.report('warn', message, { kind, codec: config.codec });
	}

	targetDuration(seconds: number): void {
		this.#targetDuration = seconds;
	}

	segment({ bytes, startMs, durationMs, independent, discontinuity }: TsSegment): void {
		if (this.#segments === 0) {
			this.#begin();
		}
		if (this.#discontinuity) {
			// Time in the stream has gone on from where it was, time on the wall has not waited.
			const endedAtMs = this.#options.now() - this.#options.lagMs();
			this.#zeroMs = Math.max(this.#zeroMs, endedAtMs - durationMs - startMs);
		}
		const number = this.#nextNumber++;
		const uri = segmentName(number);
		const encrypted = this.#encryption?.encrypt(bytes, number);
		if (encrypted?.newKey) {
			this.#write(encrypted.newKey.uri, encrypted.newKey.bytes);
		}
		this.#write(uri, encrypted?.bytes ?? bytes);
		this.#list(
			{
				uri,
				duration: durationMs / 1000,
				discontinuity: this.#discontinuity,
				map: null,
				key: encrypted?.key ?? null,
				programDateTimeMs: Math.round(this.#zeroMs + startMs),
				parts: [],
			},
			number,
		);
		this.#discontinuity = discontinuity;
		this.#segments++;
		this.#durationMs += durationMs;
		this.#bytesWritten += bytes.length;
		this.#options.pool?.give(bytes);
		if (this.#slide() || !this.#playlist.isOpen) {
			this.#writePlaylist();
		} else {
			const [before = null, added] = this.#listed.slice(-2);
			this.#playlist.append(`${segmentLines(added!, before).join('\n')}\n`);
		}
		this.#variantsDue = true;
		this.#removeExpired();
		this.#sayDependent(independent);
	}

	end(): void {
		// `finish` decides whether the playlist ends as well.
	}

	/** Writes what has been handed over. Rejects with the disk's error. */
	async flush(): Promise<void> {
		await this.#queue.flush();
		const { variants } = this.#options;
		if (variants && this.#variantsDue) {
			this.#variantsDue = false;
			await variants.update(this.#tracks);
		}
	}

	/** Lets go of open files after a failure. */
	async abandon(): Promise<void> {
		await this.#queue.abandon();
	}

	/** No segment follows in this take; `ended`: nor will another take go on with the playlist. */
	async finish(ended: boolean): Promise<void> {
		if (ended && this.#listed.length > 0) {
			if (!this.#playlist.isOpen) {
				this.#writePlaylist();
			}
			this.#playlist.append('#EXT-X-ENDLIST\n');
			this.#variantsDue = true;
		}
		this.#playlist.close();
		await this.flush();
	}

	#begin(): void {
		this.#queue.makeDirectory(this.#directory);
		const { closed } = this.#past;
		if (closed !== null && this.#type === 'EVENT') {
			this.#write(closed.name, Buffer.from(serializeMediaPlaylist({ ...closed.playlist, ended: true })));
		}
	}

	#list(segment: PlaylistSegment, number: number): void {
		this.#listed.push({ ...segment, number });
		this.#listedMs += segment.duration * 1000;
	}

	/** @returns whether the playlist has got shorter. */
	#slide(): boolean {
		const { type, windowMs } = this.#options;
		const keepMs = playlistMs(windowMs, this.#targetDuration);
		const longestMs = this.#listedMs;
		const isDue = longestMs - keepMs >= STEP_TARGET_DURATIONS * this.#targetDuration * 1000;
		if (type === 'event' || !isDue) {
			return false;
		}
		while (this.#listedMs - this.#listed[0]!.duration * 1000 >= keepMs) {
			this.#drop(longestMs);
		}
		return true;
	}

	/** Takes the oldest segment out of the playlist. Its file stays for players who have just seen it there. */
	#drop(longestMs: number): void {
		const { uri, key, duration, discontinuity } = this.#listed.shift()!;
		const durationMs = duration * 1000;
		this.#listedMs -= durationMs;
		this.#discontinuitySequence += discontinuity ? 1 : 0;
		const untilMs = this.#options.now() + durationMs + longestMs;
		this.#expiring.add(uri, untilMs);
		const first = this.#listed[0]!;
		if (key !== null && key.uri !== first.key?.uri) {
			this.#expiring.add(key.uri, untilMs);
		}
	}

	#writePlaylist(): void {
		const text = serializeMediaPlaylist({
			...PLAIN_PLAYLIST,
			version: VERSION,
			independentSegments: false,
			type: this.#type,
			targetDuration: this.#targetDuration,
			mediaSequence: this.#listed[0]!.number,
			discontinuitySequence: this.#discontinuitySequence,
			segments: this.#listed,
		});
		this.#playlist.write(text);
	}

	#write(name: string, bytes: Buffer): void {
		this.#queue.writeWhole(path.join(this.#directory, name), [bytes]);
	}

	#removeExpired(): void {
		if (this.#options.cleanup) {
			for (const name of this.#expiring.expired(this.#options.now())) {
				this.#queue.remove(path.join(this.#directory, name));
			}
		}
	}

	#sayDependent(independent: boolean): void {
		if (!independent && !this.#saidDependent) {
			this.#saidDependent = true;
			const fields = { targetDurationMs: this.#targetDuration * 1000 };
			this.#options.report('warn', 'keyframes are too far apart: HLS segments begin without one', fields);
		}
	}
}

function playlistMs(windowMs: number, targetDuration: number): number {
	return Math.max(windowMs, MIN_TARGET_DURATIONS * targetDuration * 1000);
}

function playlistType(type: WindowOptions['type']): MediaPlaylist['type'] {
	return type === 'event' ? 'EVENT' : null;
}
