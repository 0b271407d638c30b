// Spec: ISO/IEC 14496-15 5.3.2 and 8.3.2 (samples: one access unit, its NAL units behind their lengths, none of them empty)
import { copyOf, type KeptBytes } from '../../bytes/kept.js';
import { configOfParameterSets, DEFAULT_LENGTH_SIZE, type NalHeader, parseNalHeader } from '../../codec/nal-config.js';
import { isParameterSet, isSlice, NalKind, type NalSyntax, nalKindAt } from '../../codec/nal-kind.js';
import { slicePictureKind } from '../../codec/nal-picture.js';
import { NAL_SYNTAX, type NalCodec } from '../../codec/nal-syntax.js';
import { isByteStream, listAnnexB, listLengthPrefixed, NalList } from '../../codec/nal-unit.js';
import { ParameterSets } from '../../codec/parameter-sets.js';
import { PictureKind } from '../../codec/picture-kind.js';
import { hasRecoveryPoint } from '../../codec/sei.js';
import type { VideoConfig } from '../../codec/track-config.js';
import { peerErrorOf } from '../../errors.js';
import { MAX_PREAMBLE_BYTES, type VideoSamples } from './video-samples.js';

const NOTHING = Buffer.alloc(0);
/** Sizes of a NAL unit's length, likeliest first, for a source that has sent no sequence header. */
const LENGTH_SIZES = [4, 2, 1] as const;
const LEAST_BYTES = 4096;

/**
 * Samples of H.264, H.265 and H.266. Byte streams are framed anew, empty units vanish, units without a picture join the next one.
 * Parameter sets in front of a keyframe make another configuration when they differ from those known.
 */
export class NalSamples implements VideoSamples {
	config: VideoConfig | null = null;
	keyframe = false;
	fault = '';
	/** Length of the newest sample. */
	payloadBytes = 0;
	readonly #codec: NalCodec;
	readonly #syntax: NalSyntax;
	readonly #sets: ParameterSets;
	/** Sets have come since it was last tried to make `config` of them. */
	#setsChanged = false;
	/** `config` has all of them. */
	#setsInConfig = false;
	/** The last sequence header. */
	#header: (NalHeader & { record: KeptBytes }) | null = null;
	/** Bytes of each length in the frames and in the samples; 0 before it is known. */
	#lengthSize = 0;
	/** A frame had lengths of that size. */
	#hadLengths = false;
	/** The newest frame, and the NAL units in it that belong into the sample. */
	#frame: Buffer = NOTHING;
	readonly #units = new NalList();
	/** The frame is a sample as it is. */
	#asIs = true;
	/** NAL units that came ahead of the next picture, copied. */
	#preamble: KeptBytes[] = [];
	#preambleBytes = 0;
	#preambleRecovers = false;
	/** The part of a preamble that is in the newest sample. */
	#joined: readonly KeptBytes[] = [];
	/** Memory of a sample that had to be put together. */
	#memory: Buffer = NOTHING;

	constructor(codec: NalCodec) {
		this.#codec = codec;
		this.#syntax = NAL_SYNTAX[codec];
		this.#sets = new ParameterSets(codec);
	}

	get payload(): Buffer {
		if (this.#asIs) {
			return this.#frame;
		}
		if (this.#memory.length < this.payloadBytes) {
			this.#memory = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(this.payloadBytes, LEAST_BYTES))));
		}
		const payload = this.#memory.subarray(0, this.payloadBytes);
		this.copyTo(payload);
		return payload;
	}

	/** Writes the newest sample into `target`, which has room for `payloadBytes`. */
	copyTo(target: Buffer): void {
		if (this.#asIs) {
			this.#frame.copy(target);
			return;
		}
		const { count, offsets, lengths } = this.#units;
		let at = 0;
		for (const unit of this.#joined) {
			at = this.#writeUnit(target, at, unit, 0, unit.length);
		}
		for (let index = 0; index < count; index++) {
			at = this.#writeUnit(target, at, this.#frame, offsets[index]!, lengths[index]!);
		}
	}

	header(record: Buffer): void {
		if (this.#header?.record.equals(record)) {
			return;
		}
		const copy = copyOf(record);
		const header = parseNalHeader(this.#codec, copy);
		this.#header = { ...header, record: copy };
		this.#useHeader(header);
	}

	accept(frame: Buffer, marked: boolean | null): boolean {
		this.fault = '';
		this.#frame = frame;
		this.#asIs = this.#list(frame);
		const picture = this.#look(marked);
		if (picture === PictureKind.none) {
			this.#keepForNext();
			return false;
		}
		this.keyframe = picture === PictureKind.key;
		if (this.#setsChanged && (this.keyframe || this.config === null)) {
			this.#configure();
		}
		if (this.#asIs && this.#preamble.length === 0) {
			this.payloadBytes = frame.length;
		} else {
			this.#arrange();
		}
		if (this.config === null && this.fault === '') {
			this.fault = `${this.#codec} without parameter sets, neither in a sequence header nor in front of a keyframe`;
		}
		return this.config !== null;
	}

	splice(): void {
		this.#dropPreamble();
		this.#hadLengths = false;
		if (this.#header !== null && this.config !== this.#header.config) {
			this.#useHeader(this.#header);
		}
	}

	#useHeader({ lengthSize, units, config }: NalHeader): void {
		if (units[NalKind.sps].length > 0) {
			this.#sets.replaceAll(units);
		}
		this.#lengthSize = lengthSize;
		this.#hadLengths = false;
		this.#setsChanged = config === null;
		this.#setsInConfig = config !== null && units[NalKind.sps].length > 0;
		this.config = config;
	}

	/** Finds the NAL units of a frame. @returns whether they are framed as in a sample. */
	#list(frame: Buffer): boolean {
		for (const lengthSize of this.#lengthSize === 0 ? LENGTH_SIZES : [this.#lengthSize]) {
			if (listLengthPrefixed(frame, lengthSize, this.#syntax, this.#units) && this.#units.count > 0) {
				this.#lengthSize = lengthSize;
				this.#hadLengths = true;
				return true;
			}
		}
		if (isByteStream(frame) && (this.#lengthSize === DEFAULT_LENGTH_SIZE || !this.#hadLengths)) {
			listAnnexB(frame, this.#syntax, this.#units);
			this.#useDefaultLengths();
		} else if (this.#lengthSize === 0) {
			listLengthPrefixed(frame, DEFAULT_LENGTH_SIZE, this.#syntax, this.#units);
			this.#useDefaultLengths();
		}
		return false;
	}

	#useDefaultLengths(): void {
		if (this.#lengthSize !== DEFAULT_LENGTH_SIZE) {
			this.#lengthSize = DEFAULT_LENGTH_SIZE;
			this.config = null; // it speaks of lengths of another size
			this.#setsChanged = true;
		}
	}

	/** Looks at the NAL units up to the first slice. */
	#look(marked: boolean | null): PictureKind {
		const { count, kinds, offsets } = this.#units;
		let hasSets = false;
		let first = 0;
		while (first < count && !isSlice(kinds[first]!)) {
			hasSets ||= isParameterSet(kinds[first]!);
			first++;
		}
		if (hasSets) {
			const isNews = this.#sets.takeFrom(this.#frame, this.#units);
			this.#setsChanged ||= isNews;
			this.#setsInConfig &&= !isNews;
		}
		const kind = kinds[first]!;
		const asks = first === count || (marked !== false && kind !== NalKind.keySlice);
		const recovers = asks && this.#recovers(first);
		this.#preambleRecovers = recovers && first === count;
		if (first === count) {
			return PictureKind.none;
		}
		const sliceAt = offsets[first]! + this.#syntax.headerBytes;
		return slicePictureKind(this.#codec, kind, this.#frame, sliceAt, marked, recovers);
	}

	/** Looks for a recovery point SEI among the first `count` units, and ahead of the frame. */
	#recovers(count: number): boolean {
		const { kinds, offsets, lengths } = this.#units;
		let found = this.#preambleRecovers;
		for (let index = 0; index < count && !found; index++) {
			if (kinds[index] === NalKind.sei) {
				const unit = this.#frame.subarray(offsets[index]!, offsets[index]! + lengths[index]!);
				found = hasRecoveryPoint(unit, this.#syntax.headerBytes);
			}
		}
		return found;
	}

	/** Makes a configuration of the sets. When that fails the old one stays: the sets are in the samples, too. */
	#configure(): void {
		this.#setsChanged = false;
		try {
			this.config = configOfParameterSets(this.#codec, this.#sets.units, this.#lengthSize);
			this.#setsInConfig = true;
		} catch (error) {
			this.fault = peerErrorOf(error).message;
		}
	}

	/** The frame has no picture: its units belong to the next one. */
	#keepForNext(): void {
		const { count, kinds, offsets, lengths } = this.#units;
		if (count === 0) {
			this.fault = `${this.#codec} frame without NAL units`;
		}
		for (let index = 0; index < count; index++) {
			const length = lengths[index]!;
			if (kinds[index] !== NalKind.delimiter && this.#preambleBytes + length <= MAX_PREAMBLE_BYTES) {
				this.#preamble.push(copyOf(this.#frame.subarray(offsets[index]!, offsets[index]! + length)));
				this.#preambleBytes += length;
			}
		}
	}

	/** Decides which units are in a sample that is put together: no delimiters, and no sets that the configuration has. */
	#arrange(): void {
		const { kinds, offsets, lengths } = this.#units;
		this.#asIs = false;
		this.#joined = this.#preamble.filter((unit) => !this.#isConfigured(nalKindAt(this.#syntax, unit, 0), unit));
		this.#dropPreamble();
		let bytes = this.#joined.reduce((sum, unit) => sum + this.#lengthSize + unit.length, 0);
		let kept = 0;
		for (let index = 0; index < this.#units.count; index++) {
			const kind = kinds[index]!;
			const offset = offsets[index]!;
			const length = lengths[index]!;
			if (kind === NalKind.delimiter || this.#isConfigured(kind, this.#frame.subarray(offset, offset + length))) {
				continue;
			}
			offsets[kept] = offset;
			lengths[kept] = length;
			kept++;
			bytes += this.#lengthSize + length;
		}
		this.#units.count = kept;
		this.payloadBytes = bytes;
	}

	#isConfigured(kind: NalKind, unit: Buffer): boolean {
		return isParameterSet(kind) && this.#setsInConfig && this.#sets.has(kind, unit);
	}

	#writeUnit(target: Buffer, at: number, source: Buffer, offset: number, length: number): number {
		const from = target.writeUIntBE(length, at, this.#lengthSize);
		source.copy(target, from, offset, offset + length);
		return from + length;
	}

	#dropPreamble(): void {
		this.#preamble = [];
		this.#preambleBytes = 0;
		this.#preambleRecovers = false;
	}
}
