// Spec: ISO/IEC 14496-12 8.2 to 8.8 (moov and its boxes)
import type { TrackConfig } from '../../codec/track-config.js';
import { type Box, FieldReader, findBox, iterateBoxes } from './box-reader.js';
import type { Edit } from './movie-boxes.js';
import { readSampleDescription } from './sample-entry-reader.js';

/** The values that fragments inherit from `trex`. */
export type FragmentDefaults = { duration: number; size: number; flags: number };

export type MovieTrack = {
	trackId: number;
	/** Null for a codec or a kind of track that we do not carry. */
	config: TrackConfig | null;
	timescale: number;
	durationTicks: number;
	/** Durations are in ticks of the movie's timescale, turned into milliseconds. */
	edits: Edit[];
	fragmentDefaults: FragmentDefaults;
	/** The track's `stbl`, for SampleCursor. */
	sampleTable: Box;
};

export type Movie = {
	tracks: MovieTrack[];
	/** There is an `mvex`: samples come in fragments. */
	fragmented: boolean;
};

const MAX_TRACKS = 64;
const MAX_EDITS = 1024;

/** `bytes` holds a whole `moov` box, which is `moov`. Throws PeerError MP4_BOX or CODEC_CONFIG. */
export function readMovie(bytes: Buffer, moov: Box): Movie {
	const mvhd = findBox(bytes, moov.bodyStart, moov.end, 'mvhd');
	const movieTimescale = mvhd === null ? 1000 : readTimescale(bytes, mvhd).timescale;
	const mvex = findBox(bytes, moov.bodyStart, moov.end, 'mvex');
	const defaults = mvex === null ? new Map<number, FragmentDefaults>() : readDefaults(bytes, mvex);
	const tracks: MovieTrack[] = [];
	for (const box of iterateBoxes(bytes, moov.bodyStart, moov.end)) {
		if (box.type === 'trak' && tracks.length < MAX_TRACKS) {
			const track = readTrack(bytes, box, movieTimescale, defaults);
			if (track !== null) {
				tracks.push(track);
			}
		}
	}
	return { tracks, fragmented: mvex !== null };
}

function readTrack(
	bytes: Buffer,
	trak: Box,
	movieTimescale: number,
	defaults: ReadonlyMap<number, FragmentDefaults>,
): MovieTrack | null {
	const tkhd = findBox(bytes, trak.bodyStart, trak.end, 'tkhd');
	const mdhd = findBox(bytes, trak.bodyStart, trak.end, 'mdia', 'mdhd');
	const stbl = findBox(bytes, trak.bodyStart, trak.end, 'mdia', 'minf', 'stbl');
	if (tkhd === null || mdhd === null || stbl === null) {
		return null;
	}
	const header = new FieldReader(bytes, tkhd);
	const version = header.u8();
	header.skip(3 + (version === 1 ? 16 : 8));
	const trackId = header.u32();
	const { timescale, duration } = readTimescale(bytes, mdhd);
	const stsd = findBox(bytes, stbl.bodyStart, stbl.end, 'stsd');
	const elst = findBox(bytes, trak.bodyStart, trak.end, 'edts', 'elst');
	return {
		trackId,
		config: stsd === null ? null : readSampleDescription(bytes, stsd),
		timescale: Math.max(1, timescale),
		durationTicks: duration,
		edits: elst === null ? [] : readEdits(bytes, elst, Math.max(1, movieTimescale)),
		fragmentDefaults: defaults.get(trackId) ?? { duration: 0, size: 0, flags: 0 },
		sampleTable: stbl,
	};
}

/** mvhd and mdhd begin alike. */
function readTimescale(bytes: Buffer, box: Box): { timescale: number; duration: number } {
	const fields = new FieldReader(bytes, box);
	const version = fields.u8();
	fields.skip(3 + (version === 1 ? 16 : 8)); // flags, creation_time, modification_time
	return { timescale: fields.u32(), duration: version === 1 ? fields.u64() : fields.u32() };
}

function readEdits(bytes: Buffer, elst: Box, movieTimescale: number): Edit[] {
	const fields = new FieldReader(bytes, elst);
	const version = fields.u8();
	fields.skip(3);
	const count = Math.min(fields.u32(), MAX_EDITS);
	const edits: Edit[] = [];
	for (let index = 0; index < count; index++) {
		const duration = version === 1 ? fields.u64() : fields.u32();
		const mediaTime = version === 1 ? fields.i64() : fields.i32();
		fields.skip(4); // media_rate
		edits.push({ durationMs: (duration * 1000) / movieTimescale, mediaTime });
	}
	return edits;
}

function readDefaults(bytes: Buffer, mvex: Box): Map<number, FragmentDefaults> {
	const defaults = new Map<number, FragmentDefaults>();
	for (const box of iterateBoxes(bytes, mvex.bodyStart, mvex.end)) {
		if (box.type === 'trex') {
			const fields = new FieldReader(bytes, box);
			fields.skip(4);
			const trackId = fields.u32();
			fields.skip(4); // default_sample_description_index
			defaults.set(trackId, { duration: fields.u32(), size: fields.u32(), flags: fields.u32() });
		}
	}
	return defaults;
}

/**
 * Returns how much later (negative: earlier) than its own media time a track is presented, in seconds. An empty edit
 * adds to it, a first media time takes away from it.
 */
export function presentationShiftSeconds(track: MovieTrack): number {
	let delayMs = 0;
	for (const edit of track.edits) {
		if (edit.mediaTime >= 0) {
			return delayMs / 1000 - edit.mediaTime / track.timescale;
		}
		delayMs += edit.durationMs;
	}
	return delayMs / 1000;
}
