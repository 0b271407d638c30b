import type { FileHandle } from 'node:fs/promises';
import { type Box, MAX_BOX_HEADER_BYTES, readBoxHeader } from '../container/mp4/box-reader.js';
import { readFragment } from '../container/mp4/fragment-reader.js';
import { type Movie, type MovieTrack, presentationShiftSeconds, readMovie } from '../container/mp4/movie-reader.js';
import { SampleCursor } from '../container/mp4/sample-cursor.js';
import { PeerError } from '../errors.js';
import { FileWindow } from './file-window.js';
import type { Frame, FrameSink } from './frame.js';

const MAX_HEADER_BOX_BYTES = 256 * 1024 * 1024;
const NON_SYNC_FLAG = 0x00010000;
/** `onProgress` is told about this often. */
const PROGRESS_BYTES = 256 * 1024;

/** The track's part of a file, one sample after the other. */
type TrackReader = {
	track: MovieTrack;
	/** Shared as long as its tracks' samples lie close together. */
	window: FileWindow;
	/** Seconds that are added to media times. */
	shiftSeconds: number;
	/** The one that is handed over, again and again. */
	frame: Frame;
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
	const { size } = await file.stat();
	const window = new FileWindow(file.fd, size);
	let movie: Movie | null = null;
	let readers: TrackReader[] = [];
	for (let at = 0; at < size; ) {
		const header = readBoxHeader(window.bytesAt(at, MAX_BOX_HEADER_BYTES), 0);
		if (header === null) {
			break;
		}
		const length = Math.min(header.sizeBytes, size - at);
		if (header.type === 'moov' || header.type === 'moof') {
			if (length > MAX_HEADER_BOX_BYTES) {
				throw new PeerError('MP4_BOX', `${header.type} of ${length} bytes`);
			}
			const bytes = Buffer.from(window.bytesAt(at, length));
			const box: Box = { type: header.type, start: 0, bodyStart: header.headerBytes, end: bytes.length };
			if (header.type === 'moov') {
				movie = readMovie(bytes, box);
				readers = openTracks(new FileWindow(file.fd, size), movie, sink);
				await readTables(bytes, readers, sink, onProgress);
			} else if (movie !== null) {
				readRuns(bytes, box, at, readers, sink);
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

function openTracks(window: FileWindow, movie: Movie, sink: FrameSink): TrackReader[] {
	const readers: TrackReader[] = [];
	for (const kind of ['video', 'audio'] as const) {
		const track = movie.tracks.find(({ config }) => config?.kind === kind);
		if (track?.config != null) {
			sink.track({ kind, sourceId: 0, config: track.config });
			readers.push({ track, window, shiftSeconds: presentationShiftSeconds(track), frame: newFrame(kind) });
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
	let reportedAt = 0;
	while (left.length > 0) {
		let first = left[0]!;
		let firstSeconds = timeOf(first);
		for (let index = 1; index < left.length; index++) {
			const seconds = timeOf(left[index]!);
			if (seconds < firstSeconds) {
				first = left[index]!;
				firstSeconds = seconds;
			}
		}
		const { reader, cursor } = first;
		const { offset, size } = cursor;
		let keepFrom = offset;
		for (const other of left) {
			if (other.reader.window === reader.window) {
				keepFrom = Math.min(keepFrom, other.cursor.offset);
			}
		}
		if (!reader.window.reaches(offset, size, keepFrom)) {
			reader.window = reader.window.another();
		}
		const payload = reader.window.bytesAt(offset, size, keepFrom);
		const dtsMs = (firstSeconds - originSeconds) * 1000;
		deliver(reader, sink, payload, dtsMs, cursor.compositionOffset, cursor.sync);
		if (Math.abs(offset - reportedAt) >= PROGRESS_BYTES) {
			reportedAt = offset;
			const waiting = onProgress(offset + size);
			if (waiting !== undefined) {
				await waiting;
			}
		}
		if (!cursor.next()) {
			left = left.filter((candidate) => candidate !== first);
		}
	}
}

function readRuns(bytes: Buffer, moof: Box, moofStart: number, readers: readonly TrackReader[], sink: FrameSink): void {
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
		const payload = reader.window.bytesAt(at, size, moofStart);
		deliver(reader, sink, payload, Math.max(0, time * 1000), offset, (flags & NON_SYNC_FLAG) === 0);
	}
}

function deliver(
	{ frame, track }: TrackReader,
	sink: FrameSink,
	payload: Buffer,
	dtsMs: number,
	offset: number,
	keyframe: boolean,
): void {
	frame.dtsMs = dtsMs;
	frame.compositionTimeMs = (offset * 1000) / track.timescale;
	frame.keyframe = keyframe;
	frame.payload = payload;
	sink.frame(frame);
}

function newFrame(kind: Frame['kind']): Frame {
	const payload = Buffer.alloc(0);
	return { kind, sourceId: 0, dtsMs: 0, compositionTimeMs: 0, keyframe: true, droppable: false, payload };
}
