// Spec: H.264 annex B and 7.4.1.2.3, H.265 annex B and 7.4.2.4.4 (order of NAL units, access unit delimiters)
import { parseAvcDecoderConfig } from '../../codec/h264/decoder-config.js';
import { H264NalType, h264NalType } from '../../codec/h264/nal-type.js';
import { parseHevcDecoderConfig } from '../../codec/h265/decoder-config.js';
import { H265NalType, h265NalType } from '../../codec/h265/nal-type.js';
import { MAX_NAL_UNITS, NalList, readLength } from '../../codec/nal-unit.js';
import type { VideoConfig } from '../../codec/track-config.js';

export const START_CODE = Buffer.from([0, 0, 0, 1]);
const SHORT_START_CODE_BYTES = 3;

/**
 * Turns length-prefixed frames into byte-stream access units: an access unit delimiter first, as Apple's players want it, the
 * parameter sets in front of every keyframe that does not carry its own.
 */
export class AccessUnitBuilder {
	/** Access unit delimiter with its start code; any slice type. */
	readonly delimiter: Buffer;
	/** Parameter sets with start codes. */
	readonly parameterSets: Buffer;
	readonly #h265: boolean;
	readonly #lengthSize: number;
	readonly #units = new NalList();
	#hasParameterSets = false;

	/** `config` is of H.264 or H.265. */
	constructor(config: VideoConfig) {
		this.#h265 = config.codec === 'h265';
		this.#lengthSize = config.nalLengthSize;
		this.delimiter = this.#h265 ? Buffer.from('00000001460150', 'hex') : Buffer.from('0000000109f0', 'hex');
		this.parameterSets = Buffer.concat(parameterSetsOf(config).flatMap((unit) => [START_CODE, unit]));
	}

	/**
	 * Finds the NAL units of `frame` that go into the access unit, for `units`. What runs past the end of the frame is left out.
	 * @returns bytes of the whole access unit.
	 */
	measure(frame: Uint8Array, keyframe: boolean): number {
		const units = this.#units;
		units.clear();
		this.#hasParameterSets = false;
		let total = this.delimiter.length;
		let at = 0;
		while (at + this.#lengthSize <= frame.length && units.count < MAX_NAL_UNITS) {
			const length = readLength(frame, at, this.#lengthSize);
			at += this.#lengthSize;
			if (length > frame.length - at) {
				break;
			}
			if (length > 0 && !this.#isDelimiter(frame[at]!)) {
				this.#hasParameterSets ||= this.#isParameterSet(frame[at]!);
				units.add(at, length);
				total += SHORT_START_CODE_BYTES + length;
			}
			at += length;
		}
		return total + (this.addsParameterSets(keyframe) ? this.parameterSets.length : 0);
	}

	/** The NAL units of the frame that was measured last. */
	get units(): NalList {
		return this.#units;
	}

	/** True when the parameter sets go in front of the frame that was measured last. */
	addsParameterSets(keyframe: boolean): boolean {
		return keyframe && !this.#hasParameterSets;
	}

	#isDelimiter(first: number): boolean {
		return this.#h265
			? h265NalType(first) === H265NalType.accessUnitDelimiter
			: h264NalType(first) === H264NalType.accessUnitDelimiter;
	}

	#isParameterSet(first: number): boolean {
		return this.#h265 ? h265NalType(first) === H265NalType.sps : h264NalType(first) === H264NalType.sps;
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
