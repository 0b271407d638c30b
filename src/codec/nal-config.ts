import { parseAvcDecoderConfig, serializeAvcDecoderConfig } from './h264/decoder-config.js';
import { parseHevcDecoderConfig, serializeHevcDecoderConfig } from './h265/decoder-config.js';
import { parseVvcDecoderConfig, serializeVvcDecoderConfig } from './h266/decoder-config.js';
import { isParameterSet, NalKind, type ParameterSetKind } from './nal-kind.js';
import { NAL_SYNTAX, type NalCodec } from './nal-syntax.js';
import { isByteStream, listAnnexB, NalList } from './nal-unit.js';
import { parseH264Config, parseH265Config, parseH266Config, type VideoConfig } from './track-config.js';

/** Whole NAL units by kind. */
export type ParameterSetUnits = { readonly [kind in ParameterSetKind]: readonly Buffer[] };

/** A sequence header taken apart. */
export type NalHeader = {
	/** Bytes of the length in front of each NAL unit. */
	lengthSize: number;
	/** The parameter sets in it, which may be views into it. Some encoders send them in the stream only. */
	units: ParameterSetUnits;
	/** Null when it does not say how the frames are decoded. */
	config: VideoConfig | null;
};

/** Bytes of the lengths that NAL units get where a source has none, as in a byte stream. */
export const DEFAULT_LENGTH_SIZE = 4;

/** Reads a sequence header: a decoder configuration record, or parameter sets as a byte stream. Throws PeerError CODEC_CONFIG. */
export function parseNalHeader(codec: NalCodec, header: Buffer): NalHeader {
	if (isByteStream(header)) {
		const units = unitsInByteStream(codec, header);
		const isComplete = units[NalKind.sps].length > 0 && units[NalKind.pps].length > 0;
		const lengthSize = DEFAULT_LENGTH_SIZE;
		return { lengthSize, units, config: isComplete ? configOfParameterSets(codec, units, lengthSize) : null };
	}
	switch (codec) {
		case 'h264': {
			const { lengthSize, spsUnits, ppsUnits } = parseAvcDecoderConfig(header);
			const units = unitsOf([], spsUnits, ppsUnits);
			return { lengthSize, units, config: spsUnits.length > 0 ? parseH264Config(header) : null };
		}
		case 'h265': {
			const { lengthSize, vpsUnits, spsUnits, ppsUnits } = parseHevcDecoderConfig(header);
			const units = unitsOf(vpsUnits, spsUnits, ppsUnits);
			return { lengthSize, units, config: spsUnits.length > 0 ? parseH265Config(header) : null };
		}
		case 'h266': {
			const { lengthSize, vpsUnits, spsUnits, ppsUnits } = parseVvcDecoderConfig(header);
			return { lengthSize, units: unitsOf(vpsUnits, spsUnits, ppsUnits), config: parseH266Config(header) };
		}
	}
}

/** The configuration of a track with the given parameter sets. Throws PeerError CODEC_CONFIG, also when some are missing. */
export function configOfParameterSets(codec: NalCodec, units: ParameterSetUnits, lengthSize: number): VideoConfig {
	const { [NalKind.vps]: vps, [NalKind.sps]: sps, [NalKind.pps]: pps } = units;
	switch (codec) {
		case 'h264':
			return parseH264Config(serializeAvcDecoderConfig(sps, pps, lengthSize));
		case 'h265':
			return parseH265Config(serializeHevcDecoderConfig(vps, sps, pps, lengthSize));
		case 'h266':
			return parseH266Config(serializeVvcDecoderConfig(vps, sps, pps, lengthSize));
	}
}

function unitsOf(vps: readonly Buffer[], sps: readonly Buffer[], pps: readonly Buffer[]): ParameterSetUnits {
	return { [NalKind.vps]: vps, [NalKind.sps]: sps, [NalKind.pps]: pps };
}

function unitsInByteStream(codec: NalCodec, bytes: Buffer): ParameterSetUnits {
	const list = new NalList();
	listAnnexB(bytes, NAL_SYNTAX[codec], list);
	const units = { [NalKind.vps]: [] as Buffer[], [NalKind.sps]: [] as Buffer[], [NalKind.pps]: [] as Buffer[] };
	for (let index = 0; index < list.count; index++) {
		const kind = list.kinds[index]!;
		if (isParameterSet(kind)) {
			units[kind].push(bytes.subarray(list.offsets[index]!, list.offsets[index]! + list.lengths[index]!));
		}
	}
	return units;
}
