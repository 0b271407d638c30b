// Spec: H.264 7.3.2.1, 7.3.2.2; H.265 7.3.2.1 to 7.3.2.3; H.266 7.3.2.3 to 7.3.2.5 (each set has a number of its kind)
import { BitReader } from '../bytes/bit-reader.js';
import { copyOf } from '../bytes/kept.js';
import { parseH264Sps } from './h264/sps.js';
import { parseH265Sps } from './h265/sps.js';
import { parsing } from './malformed.js';
import type { ParameterSetUnits } from './nal-config.js';
import { isParameterSet, NalKind, type ParameterSetKind } from './nal-kind.js';
import { NAL_SYNTAX, type NalCodec } from './nal-syntax.js';
import { type NalList, removeEmulationPrevention } from './nal-unit.js';

const KINDS: readonly ParameterSetKind[] = [NalKind.vps, NalKind.sps, NalKind.pps];
/** A decoder configuration has room for as many of a kind. When more come, the old ones of the kind are forgotten. */
const MAX_SETS_OF_KIND = 31;
/** A longer set does not fit a decoder configuration. */
const MAX_SET_BYTES = 0xffff;

type ParameterSet = { id: number; unit: Buffer };

/** The parameter sets that a decoder of one track has got so far: those of the sequence header, then those in the stream. */
export class ParameterSets {
	readonly #codec: NalCodec;
	readonly #sets: { [kind in ParameterSetKind]: ParameterSet[] } = {
		[NalKind.vps]: [],
		[NalKind.sps]: [],
		[NalKind.pps]: [],
	};

	constructor(codec: NalCodec) {
		this.#codec = codec;
	}

	/** The units, in the order in which they belong into a decoder configuration. */
	get units(): ParameterSetUnits {
		const unitsOf = (kind: ParameterSetKind): Buffer[] => this.#sets[kind].map(({ unit }) => unit);
		return {
			[NalKind.vps]: unitsOf(NalKind.vps),
			[NalKind.sps]: unitsOf(NalKind.sps),
			[NalKind.pps]: unitsOf(NalKind.pps),
		};
	}

	/** Forgets all sets and takes copies of these. Throws PeerError CODEC_CONFIG. */
	replaceAll(units: ParameterSetUnits): void {
		for (const kind of KINDS) {
			this.#sets[kind] = units[kind].map((unit) => this.#copy(kind, withoutTrailingZeros(unit)));
		}
	}

	/**
	 * Takes copies of the sets among the NAL units of a frame. The first SPS is the one that its pictures use.
	 * @returns whether a decoder configuration made before is outdated. Throws PeerError CODEC_CONFIG.
	 */
	takeFrom(frame: Buffer, { count, kinds, offsets, lengths }: NalList): boolean {
		let isNews = false;
		let hasSps = false;
		for (let index = 0; index < count; index++) {
			const kind = kinds[index]!;
			if (isParameterSet(kind) && lengths[index]! <= MAX_SET_BYTES) {
				const unit = withoutTrailingZeros(frame.subarray(offsets[index]!, offsets[index]! + lengths[index]!));
				const isFirst: boolean = kind === NalKind.sps && !hasSps;
				hasSps ||= isFirst;
				isNews = this.#take(kind, unit, isFirst) || isNews;
			}
		}
		return isNews;
	}

	/** Tells whether exactly this set is known. */
	has(kind: ParameterSetKind, unit: Buffer): boolean {
		const bytes = withoutTrailingZeros(unit);
		return this.#sets[kind].some((known) => known.unit.equals(bytes));
	}

	#take(kind: ParameterSetKind, unit: Buffer, isFirst: boolean): boolean {
		const sets = this.#sets[kind];
		const at = sets.findIndex((known) => known.unit.equals(unit));
		if (at === 0 || (at > 0 && !isFirst)) {
			return false;
		}
		const set = at > 0 ? sets[at]! : this.#copy(kind, unit);
		const others = sets.filter(({ id }) => id !== set.id);
		if (isFirst) {
			this.#sets[kind] = [set, ...others];
		} else if (others.length < sets.length) {
			this.#sets[kind] = sets.map((known) => (known.id === set.id ? set : known));
		} else {
			this.#sets[kind] = [...sets, set];
		}
		if (this.#sets[kind].length > MAX_SETS_OF_KIND) {
			this.#sets[kind] = [set];
		}
		return true;
	}

	#copy(kind: ParameterSetKind, unit: Buffer): ParameterSet {
		return { id: parameterSetId(this.#codec, kind, unit), unit: copyOf(unit) };
	}
}

/** The number of a parameter set among those of its kind. Throws PeerError CODEC_CONFIG. */
function parameterSetId(codec: NalCodec, kind: ParameterSetKind, unit: Buffer): number {
	if (kind === NalKind.sps && codec !== 'h266') {
		return codec === 'h264' ? parseH264Sps(unit).id : parseH265Sps(unit).id;
	}
	return parsing('parameter set', () => {
		const reader = new BitReader(removeEmulationPrevention(unit.subarray(NAL_SYNTAX[codec].headerBytes)));
		if (kind !== NalKind.pps) {
			return reader.bits(4); // vps_video_parameter_set_id, sps_seq_parameter_set_id of H.266
		}
		return codec === 'h266' ? reader.bits(6) : reader.unsignedExpGolomb(); // pps_pic_parameter_set_id
	});
}

/** trailing_zero_8bits or cabac_zero_words: they are no part of the set. */
function withoutTrailingZeros(unit: Buffer): Buffer {
	let end = unit.length;
	while (end > 0 && unit[end - 1] === 0) {
		end--;
	}
	return unit.subarray(0, end);
}
