// Spec: H.266 7.3.2.4 (seq_parameter_set_rbsp), 7.3.3.1 (profile_tier_level), 7.3.3.2 (general_constraints_info)
import { BitReader } from '../../bytes/bit-reader.js';
import { malformed, parsing } from '../malformed.js';
import { removeEmulationPrevention } from '../nal-unit.js';

export type H266ProfileTierLevel = {
	profileIdc: number;
	highTier: boolean;
	levelIdc: number;
	frameOnly: boolean;
	multilayer: boolean;
	/** The bits of general_constraints_info without alignment, as a text of zeros and ones. */
	constraintBits: string;
	/** sublayer_level_idc of the lower sublayers, highest first; null where it is not given. */
	sublayerLevels: readonly (number | null)[];
	subProfiles: readonly number[];
};

export type H266Sps = {
	/** sps_seq_parameter_set_id. */
	id: number;
	maxSublayers: number;
	chromaFormatIdc: number;
	bitDepth: number;
	profileTierLevel: H266ProfileTierLevel;
	/** Largest picture within the conformance window, in samples. */
	width: number;
	height: number;
};

/** Bits of general_constraints_info between its first flag and the number of additional ones. */
const CONSTRAINT_FLAGS = 71;

/** `nal` is a whole SPS NAL unit with its two header bytes. Throws PeerError CODEC_CONFIG, also for one of subpictures. */
export function parseH266Sps(nal: Uint8Array): H266Sps {
	return parsing('H.266 SPS', () => readSps(new BitReader(removeEmulationPrevention(nal.subarray(2)))));
}

function readSps(reader: BitReader): H266Sps {
	const id = reader.bits(4);
	reader.skip(4); // sps_video_parameter_set_id
	const maxSublayers = reader.bits(3) + 1;
	const chromaFormatIdc = reader.bits(2);
	reader.skip(2); // sps_log2_ctu_size_minus5
	if (!reader.flag()) {
		malformed('H.266 SPS without sps_ptl_dpb_hrd_params_present_flag');
	}
	const profileTierLevel = readProfileTierLevel(reader, maxSublayers);
	reader.skip(1); // sps_gdr_enabled_flag
	if (reader.flag()) {
		reader.skip(1); // sps_res_change_in_clvs_allowed_flag
	}
	let width = reader.unsignedExpGolomb();
	let height = reader.unsignedExpGolomb();
	if (reader.flag()) {
		const unitX = chromaFormatIdc === 1 || chromaFormatIdc === 2 ? 2 : 1;
		const unitY = chromaFormatIdc === 1 ? 2 : 1;
		width -= (reader.unsignedExpGolomb() + reader.unsignedExpGolomb()) * unitX; // left, right
		height -= (reader.unsignedExpGolomb() + reader.unsignedExpGolomb()) * unitY; // top, bottom
	}
	if (width <= 0 || height <= 0 || width > 0xffff || height > 0xffff) {
		throw new RangeError(`picture of ${width} x ${height}`);
	}
	if (reader.flag()) {
		malformed('H.266 SPS with subpictures');
	}
	const bitDepth = reader.unsignedExpGolomb() + 8;
	if (bitDepth > 16) {
		throw new RangeError(`sps_bitdepth_minus8 ${bitDepth - 8}`);
	}
	return { id, maxSublayers, chromaFormatIdc, bitDepth, profileTierLevel, width, height };
}

function readProfileTierLevel(reader: BitReader, maxSublayers: number): H266ProfileTierLevel {
	const profileIdc = reader.bits(7);
	const highTier = reader.flag();
	const levelIdc = reader.bits(8);
	const frameOnly = reader.flag();
	const multilayer = reader.flag();
	const constraintBits = readConstraints(reader);
	reader.alignToByte();
	const present = Array.from({ length: maxSublayers - 1 }, () => reader.flag());
	reader.alignToByte();
	const sublayerLevels = present.map((isPresent) => (isPresent ? reader.bits(8) : null));
	const subProfiles = Array.from({ length: reader.bits(8) }, () => reader.bits(32));
	return { profileIdc, highTier, levelIdc, frameOnly, multilayer, constraintBits, sublayerLevels, subProfiles };
}

function readConstraints(reader: BitReader): string {
	if (!reader.flag()) {
		return '0'; // gci_present_flag
	}
	const flags = readBits(reader, CONSTRAINT_FLAGS);
	const additional = readBits(reader, 8); // gci_num_additional_bits
	return `1${flags}${additional}${readBits(reader, Number.parseInt(additional, 2))}`;
}

function readBits(reader: BitReader, count: number): string {
	return Array.from({ length: count }, () => reader.bits(1)).join('');
}
