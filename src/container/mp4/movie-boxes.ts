// Spec: ISO/IEC 14496-12 8.2.2 (mvhd), 8.3.2 (tkhd), 8.4.2 (mdhd), 8.4.3 (hdlr), 8.4.5 (vmhd, smhd), 8.6.6 (elst), 8.7.2 (dref)
import type { TrackConfig } from '../../codec/track-config.js';
import type { BoxWriter } from './box-writer.js';
import { writeSampleDescription } from './sample-entry.js';

/** Timescale of `mvhd` and edit list durations. */
export const MOVIE_TIMESCALE = 1000;

/** One entry of an edit list. `mediaTime` -1 is an empty edit. */
export type Edit = { durationMs: number; mediaTime: number };

export type TrackHead = {
	/** 1, 2, ... */
	trackId: number;
	config: TrackConfig;
	/** Ticks per second of the track's media times. */
	timescale: number;
	/** 0 in an init segment: fragments follow. */
	durationTicks: number;
	/** Length of the presentation; 0 in an init segment. */
	durationMs: number;
	edits: readonly Edit[];
};

const IDENTITY_MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];
const LANGUAGE_UNDETERMINED = 0x55c4; // "und", three times five bits
const TRACK_ENABLED_IN_MOVIE = 3;

export function writeMovieHeader(writer: BoxWriter, durationMs: number, nextTrackId: number): void {
	const version = durationMs > 0xffffffff ? 1 : 0;
	writer.fullBox('mvhd', version, 0, () => {
		writeTimes(writer, version);
		writer.u32(MOVIE_TIMESCALE);
		writeDuration(writer, version, durationMs);
		writer.u32(0x00010000).u16(0x0100).zeros(10); // rate, volume, reserved
		writeMatrix(writer);
		writer.zeros(24); // pre_defined
		writer.u32(nextTrackId); // next_track_ID
	});
}

/** A `trak` box; `writeTables` writes what stands in `stbl` behind `stsd`. */
export function writeTrack(writer: BoxWriter, track: TrackHead, writeTables: () => void): void {
	writer.box('trak', () => {
		writeTrackHeader(writer, track);
		if (track.edits.length > 0) {
			writer.box('edts', () => writeEditList(writer, track.edits));
		}
		writer.box('mdia', () => {
			writeMediaHeader(writer, track);
			writeHandler(writer, track.config);
			writer.box('minf', () => {
				if (track.config.kind === 'video') {
					writer.fullBox('vmhd', 0, 1, () => writer.zeros(8)); // graphicsmode, opcolor
				} else {
					writer.fullBox('smhd', 0, 0, () => writer.zeros(4)); // balance, reserved
				}
				writer.box('dinf', () => {
					writer.fullBox('dref', 0, 0, () => {
						writer.u32(1); // entry_count
						writer.fullBox('url ', 0, 1, () => undefined); // self-contained
					});
				});
				writer.box('stbl', () => {
					writeSampleDescription(writer, track.config);
					writeTables();
				});
			});
		});
	});
}

function writeTrackHeader(writer: BoxWriter, track: TrackHead): void {
	const { config, durationMs } = track;
	const version = durationMs > 0xffffffff ? 1 : 0;
	writer.fullBox('tkhd', version, TRACK_ENABLED_IN_MOVIE, () => {
		writeTimes(writer, version);
		writer.u32(track.trackId).u32(0); // track_ID, reserved
		writeDuration(writer, version, durationMs);
		writer.zeros(8).u16(0); // reserved, layer
		writer.u16(config.kind === 'audio' ? 1 : 0); // alternate_group
		writer.u16(config.kind === 'audio' ? 0x0100 : 0).u16(0); // volume, reserved
		writeMatrix(writer);
		if (config.kind === 'video') {
			// Size on the screen, 16.16: wide samples make the picture wider.
			const { horizontal, vertical } = config.pixelAspect;
			writer.u32(Math.round((config.width * horizontal * 0x10000) / vertical) % 2 ** 32);
			writer.u32(config.height * 0x10000);
		} else {
			writer.zeros(8);
		}
	});
}

function writeEditList(writer: BoxWriter, edits: readonly Edit[]): void {
	const version = edits.some((edit) => edit.durationMs > 0xffffffff || edit.mediaTime > 0x7fffffff) ? 1 : 0;
	writer.fullBox('elst', version, 0, () => {
		writer.u32(edits.length); // entry_count
		for (const edit of edits) {
			if (version === 1) {
				writer.u64(edit.durationMs).i64(edit.mediaTime); // segment_duration, media_time
			} else {
				writer.u32(edit.durationMs).i32(edit.mediaTime);
			}
			writer.u32(0x00010000); // media_rate = 1
		}
	});
}

function writeMediaHeader(writer: BoxWriter, track: TrackHead): void {
	const version = track.durationTicks > 0xffffffff ? 1 : 0;
	writer.fullBox('mdhd', version, 0, () => {
		writeTimes(writer, version);
		writer.u32(track.timescale);
		writeDuration(writer, version, track.durationTicks);
		writer.u16(LANGUAGE_UNDETERMINED).u16(0); // language, pre_defined
	});
}

function writeHandler(writer: BoxWriter, config: TrackConfig): void {
	writer.fullBox('hdlr', 0, 0, () => {
		writer.u32(0); // pre_defined
		writer.ascii(config.kind === 'video' ? 'vide' : 'soun'); // handler_type
		writer.zeros(12); // reserved
		writer.ascii(config.kind === 'video' ? 'Video\0' : 'Sound\0'); // name
	});
}

/** creation_time and modification_time: unknown, so that equal input gives equal bytes. */
function writeTimes(writer: BoxWriter, version: number): void {
	writer.zeros(version === 1 ? 16 : 8);
}

function writeDuration(writer: BoxWriter, version: number, duration: number): void {
	if (version === 1) {
		writer.u64(duration);
	} else {
		writer.u32(duration);
	}
}

function writeMatrix(writer: BoxWriter): void {
	for (const value of IDENTITY_MATRIX) {
		writer.u32(value);
	}
}
