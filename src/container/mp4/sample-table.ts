// Spec: ISO/IEC 14496-12 8.6.1 (stts, ctts), 8.6.2 (stss), 8.7.3 (stsz), 8.7.4 (stsc), 8.7.5 (stco, co64)
import { SafeIntegerList, Uint32List } from '../../bytes/number-list.js';
import type { BoxWriter } from './box-writer.js';
import type { SampleRun } from './sample-run.js';

const NON_SYNC_FLAG = 0x00010000;
const MAX_32_BIT_OFFSET = 0xffffffff;

/**
 * The sample tables of one track of an MP4 with its index in front, gathered run by run. Runs of equal values are kept as
 * runs, everything in typed arrays: a day of 30 frames per second with B-frames takes about 35 MB.
 */
export class SampleTable {
	readonly #sizes = new Uint32List();
	/** Pairs of count and delta. The newest sample is not in it yet: its delta is known with the next one. */
	readonly #timeCounts = new Uint32List();
	readonly #timeDeltas = new Uint32List();
	readonly #offsetCounts = new Uint32List();
	readonly #offsetValues = new Uint32List();
	readonly #syncSamples = new Uint32List();
	/** First chunk (from 1) and samples per chunk, whenever the latter changes. */
	readonly #chunkFirsts = new Uint32List();
	readonly #chunkSamples = new Uint32List();
	readonly #chunkOffsets = new SafeIntegerList();
	#firstDecodeTime = -1;
	#firstOffset = 0;
	/** Decoding time of the newest sample, and how long it would last if nothing followed. */
	#lastDecodeTime = 0;
	#lastDuration = 0;
	#leastOffset = 0;
	#anyOffset = false;
	/** The place where `write` left room for the chunk offsets, and their width. */
	#offsetsAt = 0;
	#offsetBytes: 4 | 8 = 4;

	get count(): number {
		return this.#sizes.length;
	}

	/** Decoding time of the first sample in ticks; -1 without samples. */
	get firstDecodeTime(): number {
		return this.#firstDecodeTime;
	}

	/** Composition offset of the first sample in ticks, signed. */
	get firstCompositionOffset(): number {
		return this.#firstOffset;
	}

	/**
	 * The number that is added to all composition offsets in the file, so that none is negative: old players know no
	 * signed ones.
	 */
	get compositionShift(): number {
		return -this.#leastOffset;
	}

	/** From the first sample's decoding time to the end of the last one. */
	get durationTicks(): number {
		return this.count === 0 ? 0 : this.#lastDecodeTime + this.#lastDuration - this.#firstDecodeTime;
	}

	/**
	 * Adds the samples of `run` as one chunk at `offset`, counted from the first byte of the media data. A run that starts later
	 * than the one before ended stretches the sample between; one that starts earlier shortens it.
	 */
	addRun(run: SampleRun, offset: number): void {
		let decodeTime = run.baseDecodeTime;
		for (let index = 0; index < run.count; index++) {
			this.#addSample(
				decodeTime,
				run.sizes[index]!,
				run.durations[index]!,
				run.compositionOffsets[index]!,
				(run.flags[index]! & NON_SYNC_FLAG) === 0,
			);
			decodeTime += run.durations[index]!;
		}
		if (run.count > 0) {
			this.#addChunk(run.count, offset);
		}
	}

	#addSample(decodeTime: number, size: number, duration: number, compositionOffset: number, sync: boolean): void {
		if (this.count === 0) {
			this.#firstDecodeTime = decodeTime;
			this.#firstOffset = compositionOffset;
			this.#lastDecodeTime = decodeTime;
		} else {
			const delta = Math.max(0, decodeTime - this.#lastDecodeTime);
			addToRuns(this.#timeCounts, this.#timeDeltas, delta);
			this.#lastDecodeTime += delta;
		}
		this.#lastDuration = duration;
		this.#sizes.push(size);
		addToRuns(this.#offsetCounts, this.#offsetValues, compositionOffset >>> 0);
		this.#leastOffset = Math.min(this.#leastOffset, compositionOffset);
		this.#anyOffset ||= compositionOffset !== 0;
		if (sync) {
			this.#syncSamples.push(this.count);
		}
	}

	#addChunk(samples: number, offset: number): void {
		this.#chunkOffsets.push(offset);
		const runs = this.#chunkFirsts.length;
		if (runs === 0 || this.#chunkSamples.at(runs - 1) !== samples) {
			this.#chunkFirsts.push(this.#chunkOffsets.length);
			this.#chunkSamples.push(samples);
		}
	}

	/** Writes the boxes that stand in `stbl` behind `stsd`, with room for the chunk offsets: `placeOffsets` fills it. */
	write(writer: BoxWriter, offsetBytes: 4 | 8): void {
		writer.fullBox('stts', 0, 0, () => this.#writeTimes(writer));
		if (this.#anyOffset) {
			writer.fullBox('ctts', 0, 0, () => this.#writeOffsets(writer));
		}
		if (this.#syncSamples.length < this.count) {
			writer.fullBox('stss', 0, 0, () => writeList(writer, this.#syncSamples));
		}
		writer.fullBox('stsc', 0, 0, () => {
			writer.u32(this.#chunkFirsts.length);
			for (let index = 0; index < this.#chunkFirsts.length; index++) {
				writer.u32(this.#chunkFirsts.at(index)).u32(this.#chunkSamples.at(index)).u32(1); // sample_description_index
			}
		});
		writer.fullBox('stsz', 0, 0, () => {
			writer.u32(0); // sample_size: every sample has its own
			writeList(writer, this.#sizes);
		});
		writer.fullBox(offsetBytes === 4 ? 'stco' : 'co64', 0, 0, () => {
			writer.u32(this.#chunkOffsets.length);
			this.#offsetsAt = writer.length;
			this.#offsetBytes = offsetBytes;
			writer.zeros(this.#chunkOffsets.length * offsetBytes);
		});
	}

	/** Fills in the chunk offsets of what `write` wrote: the media data starts at byte `mediaDataStart` of the file. */
	placeOffsets(writer: BoxWriter, mediaDataStart: number): void {
		let at = this.#offsetsAt;
		for (let index = 0; index < this.#chunkOffsets.length; index++) {
			const offset = mediaDataStart + this.#chunkOffsets.at(index);
			if (this.#offsetBytes === 8) {
				writer.patchU32(at, Math.floor(offset / 2 ** 32));
			}
			writer.patchU32(at + this.#offsetBytes - 4, offset % 2 ** 32);
			at += this.#offsetBytes;
		}
	}

	#writeOffsets(writer: BoxWriter): void {
		writer.u32(this.#offsetCounts.length);
		for (let index = 0; index < this.#offsetCounts.length; index++) {
			// Offsets are kept as unsigned numbers of 32 bits: `| 0` brings the sign back.
			writer.u32(this.#offsetCounts.at(index)).u32((this.#offsetValues.at(index) | 0) + this.compositionShift);
		}
	}

	#writeTimes(writer: BoxWriter): void {
		const runs = this.#timeCounts.length;
		const joins = runs > 0 && this.#timeDeltas.at(runs - 1) === this.#lastDuration;
		writer.u32(runs + (joins || this.count === 0 ? 0 : 1)); // entry_count
		for (let index = 0; index < runs; index++) {
			const isLast = index === runs - 1;
			writer.u32(this.#timeCounts.at(index) + (isLast && joins ? 1 : 0)).u32(this.#timeDeltas.at(index));
		}
		if (!joins && this.count > 0) {
			writer.u32(1).u32(this.#lastDuration);
		}
	}
}

/** Returns 8 when chunk offsets up to `fileBytes` need 64 bits, else 4. */
export function chunkOffsetBytes(fileBytes: number): 4 | 8 {
	return fileBytes > MAX_32_BIT_OFFSET ? 8 : 4;
}

function addToRuns(counts: Uint32List, values: Uint32List, value: number): void {
	const last = counts.length - 1;
	if (last >= 0 && values.at(last) === value) {
		counts.set(last, counts.at(last) + 1);
	} else {
		counts.push(1);
		values.push(value);
	}
}

function writeList(writer: BoxWriter, list: Uint32List): void {
	writer.u32(list.length);
	for (let index = 0; index < list.length; index++) {
		writer.u32(list.at(index));
	}
}
