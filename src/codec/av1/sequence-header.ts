// Spec: AV1 bitstream 5.5 (sequence_header_obu), 5.5.2 (color_config)
import { BitReader } from '../../bytes/bit-reader.js';
import type { Colour } from '../colour.js';
import { parsing } from '../malformed.js';

export type Av1SequenceHeader = {
	profile: number;
	/** seq_level_idx and seq_tier of operating point 0. */
	levelIdx: number;
	highTier: boolean;
	bitDepth: number;
	monochrome: boolean;
	subsamplingX: boolean;
	subsamplingY: boolean;
	chromaSamplePosition: number;
	colour: Colour;
	/** Largest frame size. */
	width: number;
	height: number;
	/** Frames per second when the stream has equal picture intervals, else null. */
	frameRate: number | null;
};

const COLOUR_SRGB: Colour = { primaries: 1, transfer: 13, matrix: 0, fullRange: true };

/** `payload` is what stands behind the OBU's header. Throws PeerError CODEC_CONFIG. */
export function parseAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader {
	return parsing('AV1 sequence header', () => readSequenceHeader(new BitReader(payload)));
}

function readSequenceHeader(reader: BitReader): Av1SequenceHeader {
	const profile = reader.bits(3);
	reader.skip(1); // still_picture
	const reduced = reader.flag();
	let levelIdx = 0;
	let highTier = false;
	let frameRate: number | null = null;
	if (reduced) {
		levelIdx = reader.bits(5);
	} else {
		({ levelIdx, highTier, frameRate } = readOperatingPoints(reader));
	}
	const widthBits = reader.bits(4) + 1;
	const heightBits = reader.bits(4) + 1;
	const width = reader.bits(widthBits) + 1;
	const height = reader.bits(heightBits) + 1;
	if (!reduced && reader.flag()) {
		reader.skip(4 + 3); // delta_frame_id_length_minus_2, additional_frame_id_length_minus_1
	}
	reader.skip(3); // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
	if (!reduced) {
		skipCodingTools(reader);
	}
	reader.skip(3); // enable_superres, enable_cdef, enable_restoration
	return { profile, levelIdx, highTier, width, height, frameRate, ...readColorConfig(reader, profile) };
}

function readOperatingPoints(reader: BitReader): Pick<Av1SequenceHeader, 'levelIdx' | 'highTier' | 'frameRate'> {
	let frameRate: number | null = null;
	let delayBits = 0;
	let hasDecoderModel = false;
	if (reader.flag()) {
		const unitsInTick = reader.bits(32);
		const timeScale = reader.bits(32);
		if (reader.flag()) {
			const ticks = reader.unsignedExpGolomb() + 1; // num_ticks_per_picture_minus_1, uvlc()
			frameRate = unitsInTick > 0 ? timeScale / unitsInTick / ticks : null;
		}
		hasDecoderModel = reader.flag();
		if (hasDecoderModel) {
			delayBits = reader.bits(5) + 1;
			reader.skip(32 + 5 + 5); // num_units_in_decoding_tick, buffer_removal_time_length, frame_presentation_time_length
		}
	}
	const hasDisplayDelay = reader.flag();
	const points = reader.bits(5) + 1;
	let levelIdx = 0;
	let highTier = false;
	for (let point = 0; point < points; point++) {
		reader.skip(12); // operating_point_idc
		const level = reader.bits(5);
		const tier = level > 7 && reader.flag();
		if (point === 0) {
			levelIdx = level;
			highTier = tier;
		}
		if (hasDecoderModel && reader.flag()) {
			reader.skip(delayBits * 2 + 1); // decoder_buffer_delay, encoder_buffer_delay, low_delay_mode_flag
		}
		if (hasDisplayDelay && reader.flag()) {
			reader.skip(4); // initial_display_delay_minus_1
		}
	}
	return { levelIdx, highTier, frameRate };
}

function skipCodingTools(reader: BitReader): void {
	reader.skip(4); // enable_interintra_compound, enable_masked_compound, enable_warped_motion, enable_dual_filter
	const orderHint = reader.flag();
	if (orderHint) {
		reader.skip(2); // enable_jnt_comp, enable_ref_frame_mvs
	}
	const screenContentTools = reader.flag() ? 2 : reader.bits(1); // 2 = chosen for each frame
	if (screenContentTools > 0 && !reader.flag()) {
		reader.skip(1); // seq_force_integer_mv
	}
	if (orderHint) {
		reader.skip(3); // order_hint_bits_minus_1
	}
}

function readColorConfig(
	reader: BitReader,
	profile: number,
): Pick<
	Av1SequenceHeader,
	'bitDepth' | 'monochrome' | 'subsamplingX' | 'subsamplingY' | 'chromaSamplePosition' | 'colour'
> {
	const highBitDepth = reader.flag();
	const twelveBit = profile === 2 && highBitDepth && reader.flag();
	const bitDepth = twelveBit ? 12 : highBitDepth ? 10 : 8;
	const monochrome = profile !== 1 && reader.flag();
	const described = reader.flag();
	const [primaries, transfer, matrix] = described ? [reader.bits(8), reader.bits(8), reader.bits(8)] : [2, 2, 2];
	if (monochrome) {
		const colour = { primaries, transfer, matrix, fullRange: reader.flag() };
		return { bitDepth, monochrome, subsamplingX: true, subsamplingY: true, chromaSamplePosition: 0, colour };
	}
	if (primaries === COLOUR_SRGB.primaries && transfer === COLOUR_SRGB.transfer && matrix === COLOUR_SRGB.matrix) {
		const colour = COLOUR_SRGB;
		return { bitDepth, monochrome, subsamplingX: false, subsamplingY: false, chromaSamplePosition: 0, colour };
	}
	const colour = { primaries, transfer, matrix, fullRange: reader.flag() };
	let subsamplingX = profile !== 1;
	let subsamplingY = profile === 0;
	if (profile === 2 && bitDepth === 12) {
		subsamplingX = reader.flag();
		subsamplingY = subsamplingX && reader.flag();
	}
	const chromaSamplePosition = subsamplingX && subsamplingY ? reader.bits(2) : 0;
	return { bitDepth, monochrome, subsamplingX, subsamplingY, chromaSamplePosition, colour };
}
