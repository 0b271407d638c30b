// Spec: ISO/IEC 14496-12 4.3 (ftyp), 8.1.1 (mdat), 8.2.1 (moov), 8.6.6 (edit lists)
import type { TrackConfig } from '../../codec/track-config.js';
import { BoxWriter } from './box-writer.js';
import { timescaleOf } from './init-segment.js';
import { type Edit, MOVIE_TIMESCALE, type TrackHead, writeMovieHeader, writeTrack } from './movie-boxes.js';
import { chunkOffsetBytes, type SampleTable } from './sample-table.js';

/** No index of a day of video is larger: file offsets up to here behind the media data fit where those of the media data do. */
const MAX_HEAD_BYTES = 256 * 1024 * 1024;

const BOX_HEADER_BYTES = 8;

export type FaststartTrack = {
	trackId: number;
	config: TrackConfig;
	table: SampleTable;
	/** As in the init segment that the samples belonged to. */
	mediaTimeOffset: number;
};

/** The range of the samples that is presented, in milliseconds on the clock of their decoding times. */
export type ShownRange = { fromMs: number; toMs: number };

/**
 * Everything of an MP4 that stands in front of its media data: `ftyp`, `moov`, the header of `mdat`. The media data, all chunks
 * at the offsets that their tables name, follows. Tracks with nothing to present are left out. A head that would be shorter than
 * `leastBytes` is filled up to them. Without `shown`, everything is presented.
 */
export function buildFaststartHead(
	tracks: readonly FaststartTrack[],
	mediaDataBytes: number,
	leastBytes = 0,
	shown: ShownRange | null = null,
): Buffer {
	const { fromMs, toMs } = shown ?? { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };
	const used = tracks.filter(
		(track) => track.table.count > 0 && presentationStartMs(track) < toMs && presentationEndMs(track) > fromMs,
	);
	const startMs = Math.max(fromMs, Math.min(...used.map(presentationStartMs)));
	const heads = used.map((track) => headOf(track, startMs, toMs));
	const mdatHeaderBytes = mediaDataBytes + 8 > 0xffffffff ? 16 : 8;

	const writer = new BoxWriter(1024 * 1024);
	const offsetBytes = chunkOffsetBytes(mediaDataBytes + MAX_HEAD_BYTES);
	writer.box('ftyp', () => writer.ascii('isom').u32(0x200).ascii('isomiso2iso4mp41')); // major_brand, minor_version, brands
	writer.box('moov', () => {
		const durationMs = Math.max(0, ...heads.map((head) => head.durationMs));
		writeMovieHeader(writer, durationMs, Math.max(0, ...heads.map((head) => head.trackId)) + 1);
		for (const [index, head] of heads.entries()) {
			writeTrack(writer, head, () => used[index]!.table.write(writer, offsetBytes));
		}
	});
	const missing = leastBytes - writer.length - mdatHeaderBytes;
	if (missing >= BOX_HEADER_BYTES) {
		writer.box('free', () => writer.zeros(missing - BOX_HEADER_BYTES));
	}
	// The start of the media data is known only now.
	for (const { table } of used) {
		table.placeOffsets(writer, writer.length + mdatHeaderBytes);
	}
	if (mdatHeaderBytes === 16) {
		writer
			.u32(1)
			.ascii('mdat')
			.u64(mediaDataBytes + 16); // size = 1: largesize follows
	} else {
		writer.u32(mediaDataBytes + 8).ascii('mdat');
	}
	return writer.view();
}

function headOf(track: FaststartTrack, movieStartMs: number, movieEndMs: number): TrackHead {
	const { trackId, config, table } = track;
	const timescale = timescaleOf(config);
	const edits: Edit[] = [];
	const [startMs, endMs] = [presentationStartMs(track), presentationEndMs(track)];
	const shownFromMs = Math.max(startMs, movieStartMs);
	const delayMs = Math.round(shownFromMs - movieStartMs);
	if (delayMs > 0) {
		edits.push({ durationMs: delayMs, mediaTime: -1 });
	}
	// Presentation starts with the first picture, whose composition offset makes room for the reordering of B-frames.
	const skippedBefore = Math.round(((shownFromMs - startMs) * timescale) / MOVIE_TIMESCALE);
	const mediaTime = mediaStart(track) + skippedBefore;
	const playedMs = Math.round(Math.min(endMs, movieEndMs) - shownFromMs);
	if (mediaTime > 0 || delayMs > 0 || movieEndMs < endMs) {
		edits.push({ durationMs: Math.max(0, playedMs), mediaTime });
	}
	return {
		trackId,
		config,
		timescale,
		durationTicks: table.durationTicks,
		durationMs: delayMs + Math.max(0, playedMs),
		edits,
	};
}

function presentationStartMs({ config, table, mediaTimeOffset }: FaststartTrack): number {
	const start = table.firstDecodeTime + table.firstCompositionOffset + skippedTicks(config) - mediaTimeOffset;
	return (start * MOVIE_TIMESCALE) / timescaleOf(config);
}

function presentationEndMs(track: FaststartTrack): number {
	const { config, table } = track;
	const ticks = table.durationTicks - skippedTicks(config);
	return presentationStartMs(track) + (ticks * MOVIE_TIMESCALE) / timescaleOf(config);
}

/** Returns the moment at which presentation begins, in the track's own media time, which starts at 0. */
function mediaStart({ config, table }: FaststartTrack): number {
	return table.firstCompositionOffset + table.compositionShift + skippedTicks(config);
}

function skippedTicks(config: TrackConfig): number {
	return config.kind === 'audio' ? config.preSkipSamples : 0;
}
