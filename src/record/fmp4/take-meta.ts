import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { decodedSoundOf } from '../../codec/decoded-sound.js';
import type { PackagedTrack } from '../../remux/cmaf-packager.js';
import { errorCodeOf } from '../disk/file-error.js';
import type { TakeWindow } from './take-window.js';

export const META_FILE = 'meta.json';

/** `meta.json` of a take: the keys of rtmp_server, and what recovery needs. */
export type TakeMeta = {
	videoCodec: string | null;
	width: number | null;
	height: number | null;
	audioCodec: string | null;
	sampleRate: number | null;
	channels: number | null;
	hasAudio: boolean;
	hasVideo: boolean;
	/** Seconds. */
	duration: number;
	/** The number of segments in output_merge. */
	segmentCount?: number;
	/** The numbers of segments in output_separate. */
	audioSegmentCount?: number;
	videoSegmentCount?: number;
	/** Seconds: no more than this was kept, for time shift; absent of a recording. */
	window?: number;
	/** Milliseconds since 1970. */
	startedAt: number;
	/** Nothing follows. */
	finished: boolean;
};

/**
 * A running take tells its length after its first segment, and then after every so many. Making a file costs more than
 * all the rest of a segment: 0.6 ms of kernel time on the machine of the benchmarks, where an append takes 0.01 ms.
 */
const SEGMENTS_PER_META = 8;

/** True when `meta.json` is due after segment number `count` (from 1) of a running take. */
export function isMetaDue(count: number): boolean {
	return count === 1 || count % SEGMENTS_PER_META === 0;
}

export function describeWindow({ keepMs }: TakeWindow): Pick<TakeMeta, 'window'> {
	return keepMs === null ? {} : { window: keepMs / 1000 };
}

/** Reads the `meta.json` of an output of a take; null when there is nothing to read. */
export async function readMeta(directory: string): Promise<TakeMeta | null> {
	try {
		return JSON.parse(await readFile(path.join(directory, META_FILE), 'utf8'));
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT' || error instanceof SyntaxError) {
			return null;
		}
		throw error;
	}
}

/** The part that follows from the tracks. */
export function describeTracks(
	tracks: readonly PackagedTrack[],
): Omit<TakeMeta, 'duration' | 'window' | 'startedAt' | 'finished'> {
	const video = tracks.find(({ config }) => config.kind === 'video')?.config;
	const audio = tracks.find(({ config }) => config.kind === 'audio')?.config;
	const picture = video?.kind === 'video' ? video : null;
	const sound = audio?.kind === 'audio' ? decodedSoundOf(audio) : null;
	return {
		videoCodec: picture?.codecString ?? null,
		width: picture?.width ?? null,
		height: picture?.height ?? null,
		audioCodec: audio?.codecString ?? null,
		sampleRate: sound?.sampleRate ?? null,
		channels: sound?.channels ?? null,
		hasAudio: sound !== null,
		hasVideo: picture !== null,
	};
}
