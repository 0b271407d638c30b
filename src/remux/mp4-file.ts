import type { FileHandle } from 'node:fs/promises';
import { type Box, MAX_BOX_HEADER_BYTES, readBoxHeader } from '../container/mp4/box-reader.js';
import { readFragment } from '../container/mp4/fragment-reader.js';
import { type Movie, type MovieTrack, presentationShiftSeconds, readMovie } from '../container/mp4/movie-reader.js';
import { SampleCursor } from '../container/mp4/sample-cursor.js';
import { PeerError } from '../errors.js';
import type { Frame, FrameSink } from './frame.js';

const READ_BYTES = 256 * 1024;
const MAX_HEADER_BOX_BYTES = 256 * 1024 * 1024;
const NON_SYNC_FLAG = 0x00010000;

/** Reads a file here and there, a block at a time. */
class FileWindow {
	readonly #file: FileHandle;
	#window: Buffer = Buffer.alloc(0);
	#windowAt = 0;

	constructor(file: FileHandle) {
		this.#file = file;
	}

	/** Up to `length` bytes at `at`, fewer at the end of the file; valid until the next call. */
	async bytesAt(at: number, length: number): Promise<Buffer> {
		if (at < this.#windowAt || at + length > this.#windowAt + this.#window.length) {
			const buffer = Buffer.allocUnsafeSlow(Math.max(length, READ_BYTES));
			const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
			this.#window = buffer.subarray(0, bytesRead);
			this.#windowAt = at;
		}
		const from = at - this.#windowAt;
		return this.#window.subarray(from, from + length);
	}
}

/** The track's part of a file, one sample after the other. */
type TrackReader = {
	track: MovieTrack;
	window: FileWindow;
	/** Seconds that are added to media times. */
	shiftSeconds: number;
};

/**
 * Reads an MP4, fragmented or not, into `sink`, in decoding order, and ends it. `onProgress` hears of the place in the file.
 * Throws PeerError MP4_BOX, CODEC_CONFIG.
 */
export async function readMp4File(
	file: FileHandle,
	sink: FrameSink,
	onProgress: (bytes: number) => Promise<void> | void = () => undefined,
): Promise<void> {
	const window = new FileWindow(file);
	const { size } = await file.stat();
	let movie: Movie | null = null;
	let readers: TrackReader[] = [];
	for (let at = 0; at < size; ) {
		const header = readBoxHeader(await window.bytesAt(at, MAX_BOX_HEADER_BYTES), 0);
		if (header === null) {
			break;
		}
		const length = Math.min(header.sizeBytes, size - at);
		if (header.type === 'moov' || header.type === 'moof') {
			if (length > MAX_HEADER_BOX_BYTES) {
				throw new PeerError('MP4_BOX', `${header.type} of ${length} bytes`);
			}
			const bytes = Buffer.from(await window.bytesAt(at, length));
			const box: Box = { type: header.type, start: 0, bodyStart: header.headerBytes, end: bytes.length };
			if (header.type === 'moov') {
				movie = readMovie(bytes, box);
				readers = openTracks(file, movie, sink);
				await readTables(bytes, readers, sink, onProgress);
			} else if (movie !== null) {
				await readRuns(bytes, box, at, readers, sink);
				await onProgress(at + length);
			}
		}
		at += length;
	}
	if (movie === null) {
		throw new PeerError('MP4_BOX', 'no moov');
	}
	sink.end();
}

function openTracks(file: FileHandle, movie: Movie, sink: FrameSink): TrackReader[] {
	const readers: TrackReader[] = [];
	for (const kind of ['video', 'audio'] as const) {
		const track = movie.tracks.find(({ config }) => config?.kind === kind);
		if (track?.config != null) {
			sink.track({ kind, sourceId: 0, config: track.config });
			readers.push({ track, window: new FileWindow(file), shiftSeconds: presentationShiftSeconds(track) });
		}
	}
	return readers;
}

/** Samples of the classic tables, of all tracks in the order of their decoding times. */
async function readTables(
	bytes: Buffer,
	readers: readonly TrackReader[],
	sink: FrameSink,
	onProgress: (bytes: number) => Promise<void> | void,
): Promise<void> {
	const cursors = readers.map((reader) => ({ reader, cursor: new SampleCursor(bytes, reader.track.sampleTable) }));
	let left = cursors.filter(({ cursor }) => cursor.next());
	// The first sample must not come before 0: an edit list may cut off what comes before its start.
	const timeOf = ({ reader, cursor }: (typeof left)[number]): number =>
		cursor.decodeTime / reader.track.timescale + reader.shiftSeconds;
	const originSeconds = Math.min(0, ...left.map(timeOf));
	while (left.length > 0) {
		let first = left[0]!;
		for (const candidate of left) {
			first = timeOf(candidate) < timeOf(first) ? candidate : first;
		}
		const { reader, cursor } = first;
		const payload = await reader.window.bytesAt(cursor.offset, cursor.size);
		const dtsMs = (timeOf(first) - originSeconds) * 1000;
		sink.frame(frameOf(reader.track, payload, dtsMs, cursor.compositionOffset, cursor.sync));
		await onProgress(cursor.offset + cursor.size);
		if (!cursor.next()) {
			left = left.filter((candidate) => candidate !== first);
		}
	}
}

async function readRuns(
	bytes: Buffer,
	moof: Box,
	moofStart: number,
	readers: readonly TrackReader[],
	sink: FrameSink,
): Promise<void> {
	const defaultsOf = (trackId: number) =>
		readers.find(({ track }) => track.trackId === trackId)?.track.fragmentDefaults;
	const samples: { reader: TrackReader; at: number; size: number; time: number; offset: number; flags: number }[] = [];
	for (const { trackId, run, dataOffset, offsetIsAbsolute } of readFragment(bytes, moof, defaultsOf)) {
		const reader = readers.find(({ track }) => track.trackId === trackId);
		if (reader === undefined) {
			continue;
		}
		let at = offsetIsAbsolute ? dataOffset : moofStart + dataOffset;
		let time = run.baseDecodeTime;
		for (let index = 0; index < run.count; index++) {
			const [size, offset, flags] = [run.sizes[index]!, run.compositionOffsets[index]!, run.flags[index]!];
			samples.push({ reader, at, size, time: time / reader.track.timescale + reader.shiftSeconds, offset, flags });
			at += size;
			time += run.durations[index]!;
		}
	}
	samples.sort((a, b) => a.time - b.time);
	for (const { reader, at, size, time, offset, flags } of samples) {
		const payload = await reader.window.bytesAt(at, size);
		sink.frame(frameOf(reader.track, payload, Math.max(0, time * 1000), offset, (flags & NON_SYNC_FLAG) === 0));
	}
}

function frameOf(track: MovieTrack, payload: Buffer, dtsMs: number, offset: number, keyframe: boolean): Frame {
	return {
		kind: track.config?.kind ?? 'video',
		sourceId: 0,
		dtsMs,
		compositionTimeMs: (offset * 1000) / track.timescale,
		keyframe,
		droppable: false,
		payload,
	};
}

/** Whether `start`, the first bytes of a file, are those of an MP4. */
export function isMp4(start: Buffer): boolean {
	return findBoxType(start) !== null;
}

function findBoxType(start: Buffer): string | null {
	const type = start.toString('latin1', 4, 8);
	return ['ftyp', 'moov', 'styp', 'free', 'mdat', 'wide', 'skip'].includes(type) ? type : null;
}
