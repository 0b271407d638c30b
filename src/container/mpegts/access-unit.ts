// Spec: H.264 annex B and 7.4.1.2.3, H.265 annex B and 7.4.2.4.4 (order of NAL units, access unit delimiters)
import { parseAvcDecoderConfig } from '../../codec/h264/decoder-config.js';
import { parseHevcDecoderConfig } from '../../codec/h265/decoder-config.js';
import { NalKind, type NalSyntax } from '../../codec/nal-kind.js';
import { NAL_SYNTAX } from '../../codec/nal-syntax.js';
import { listLengthPrefixed, NalList } from '../../codec/nal-unit.js';
import type { VideoConfig } from '../../codec/track-config.js';

export const START_CODE = Buffer.from([0, 0, 0, 1]);
const SHORT_START_CODE_BYTES = 3;
const H264_DELIMITER = Buffer.from('0000000109f0', 'hex');
const H265_DELIMITER = Buffer.from('00000001460150', 'hex');
/** The parameter sets that a decoder needs, as bits by kind. */
const H264_SETS = (1 << NalKind.sps) | (1 << NalKind.pps);
const H265_SETS = H264_SETS | (1 << NalKind.vps);

/**
 * Turns length-prefixed frames into byte-stream access units: an access unit delimiter first, as Apple's players want it, the
 * parameter sets in front of every keyframe that does not carry its own.
 */
export class AccessUnitBuilder {
	/** Access unit delimiter with its start code; any slice type. */
	readonly delimiter: Buffer;
	/** Parameter sets with start codes. */
	readonly parameterSets: Buffer;
	readonly #syntax: NalSyntax;
	readonly #neededSets: number;
	readonly #lengthSize: number;
	readonly #units = new NalList();
	#hasParameterSets = false;

	/** `config` is of H.264 or H.265. */
	constructor(config: VideoConfig) {
		const isH265 = config.codec === 'h265';
		this.#syntax = isH265 ? NAL_SYNTAX.h265 : NAL_SYNTAX.h264;
		this.#neededSets = isH265 ? H265_SETS : H264_SETS;
		this.#lengthSize = config.nalLengthSize;
		this.delimiter = isH265 ? H265_DELIMITER : H264_DELIMITER;
		this.parameterSets = Buffer.concat(parameterSetsOf(config).flatMap((unit) => [START_CODE, unit]));
	}

	/**
	 * Finds the NAL units of `frame` that go into the access unit, for `units`. What runs past the end of the frame is left out.
	 * @returns bytes of the whole access unit.
	 */
	measure(frame: Uint8Array, keyframe: boolean): number {
		const units = this.#units;
		listLengthPrefixed(frame, this.#lengthSize, this.#syntax, units);
		let total = this.delimiter.length;
		let found = 0;
		let kept = 0;
		for (let index = 0; index < units.count; index++) {
			const kind = units.kinds[index]!;
			if (kind === NalKind.delimiter) {
				continue;
			}
			const length = units.lengths[index]!;
			units.offsets[kept] = units.offsets[index]!;
			units.lengths[kept] = length;
			kept++;
			found |= 1 << kind;
			total += SHORT_START_CODE_BYTES + length;
		}
		units.count = kept;
		this.#hasParameterSets = (found & this.#neededSets) === this.#neededSets;
		return total + (this.addsParameterSets(keyframe) ? this.parameterSets.length : 0);
	}

	/** The NAL units of the frame that was measured last. Their kinds are not kept. */
	get units(): NalList {
		return this.#units;
	}

	/** True when the parameter sets go in front of the frame that was measured last. */
	addsParameterSets(keyframe: boolean): boolean {
		return keyframe && !this.#hasParameterSets;
	}
}

function parameterSetsOf(config: VideoConfig): Buffer[] {
	if (config.codec === 'h265') {
		const { vpsUnits, spsUnits, ppsUnits } = parseHevcDecoderConfig(config.record);
		return [...vpsUnits, ...spsUnits, ...ppsUnits];
	}
	const { spsUnits, ppsUnits } = parseAvcDecoderConfig(config.record);
	return [...spsUnits, ...ppsUnits];
}
