// Spec: ISO/IEC 14496-12 8.8 (movie fragments); ISO/IEC 23000-19 7.3.1 (CMAF header); rfc8216bis 3.1.2
import type { TrackConfig } from '../../codec/track-config.js';
import { assert } from '../../errors.js';
import { type Box, FieldReader, findBox, iterateBoxes } from './box-reader.js';
import { BoxWriter } from './box-writer.js';
import { type Edit, writeMovieHeader, writeTrack } from './movie-boxes.js';

/** Ticks per second of video media times: whole milliseconds and MPEG-TS times are exact in it. */
export const VIDEO_TIMESCALE = 90_000;

/** A track of a fragmented file. Track ids are given by the caller and never change within a take. */
export type InitTrack = {
	trackId: number;
	config: TrackConfig;
	/** Media time that is presented at time 0, in ticks: all presentation is earlier than media times by so much. */
	mediaTimeOffset: number;
};

/** Audio counts in its own samples, so that no frame's length is rounded. */
export function timescaleOf(config: TrackConfig): number {
	return config.kind === 'video' ? VIDEO_TIMESCALE : config.sampleRate;
}

/** `ftyp` and `moov` of a fragmented file: one sample description for each track, no samples. A fresh Buffer. */
export function buildInitSegment(tracks: readonly InitTrack[]): Buffer {
	const writer = new BoxWriter();
	writer.box('ftyp', () => writer.ascii('iso6').u32(0).ascii('iso6cmfcmp41')); // major_brand, minor_version, compatible_brands
	writer.box('moov', () => {
		writeMovieHeader(writer, 0, nextTrackId(tracks));
		for (const { trackId, config, mediaTimeOffset } of tracks) {
			const timescale = timescaleOf(config);
			const edits: Edit[] = mediaTimeOffset > 0 ? [{ durationMs: 0, mediaTime: mediaTimeOffset }] : [];
			const head = { trackId, config, timescale, durationTicks: 0, durationMs: 0, edits };
			writeTrack(writer, head, () => {
				writer.fullBox('stts', 0, 0, () => writer.u32(0));
				writer.fullBox('stsc', 0, 0, () => writer.u32(0));
				writer.fullBox('stsz', 0, 0, () => writer.u32(0).u32(0));
				writer.fullBox('stco', 0, 0, () => writer.u32(0));
			});
		}
		writer.box('mvex', () => {
			for (const { trackId } of tracks) {
				writer.fullBox('trex', 0, 0, () => {
					writer.u32(trackId).u32(1); // track_ID, default_sample_description_index
					writer.zeros(12); // default duration, size and flags: every traf has its own
				});
			}
		});
	});
	return writer.toBuffer();
}

/** The init segment of track `trackId` alone, out of one that we have made for several. A fresh Buffer. */
export function singleTrackInit(init: Buffer, trackId: number): Buffer {
	const writer = new BoxWriter(init.length);
	const copy = ({ start, end }: Box): void => {
		writer.bytes(init.subarray(start, end));
	};
	for (const box of iterateBoxes(init, 0, init.length)) {
		if (box.type === 'moov') {
			writer.box('moov', () => [...iterateBoxes(init, box.bodyStart, box.end)].forEach(copyOfMovie));
		} else {
			copy(box);
		}
	}
	return writer.toBuffer();

	function copyOfMovie(box: Box): void {
		if (box.type === 'mvex') {
			const ours = [...iterateBoxes(init, box.bodyStart, box.end)].filter(
				(trex) => idOfDefaults(init, trex) === trackId,
			);
			writer.box('mvex', () => ours.forEach(copy));
		} else if (box.type !== 'trak' || idOfTrack(init, box) === trackId) {
			copy(box);
		}
	}
}

function idOfTrack(init: Buffer, trak: Box): number {
	const tkhd = findBox(init, trak.bodyStart, trak.end, 'tkhd');
	assert(tkhd !== null, 'a track without a header');
	const fields = new FieldReader(init, tkhd);
	const version = fields.u8();
	fields.skip(3 + (version === 1 ? 16 : 8)); // flags, creation_time, modification_time
	return fields.u32();
}

function idOfDefaults(init: Buffer, trex: Box): number {
	const fields = new FieldReader(init, trex);
	fields.skip(4); // version, flags
	return fields.u32();
}

function nextTrackId(tracks: readonly InitTrack[]): number {
	return Math.max(0, ...tracks.map((track) => track.trackId)) + 1;
}
