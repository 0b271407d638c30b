import { PREVIOUS_TAG_SIZE_BYTES, TAG_HEADER_BYTES, TagType } from '../container/flv/tag.js';
import { RecordKind } from '../ring/layout.js';
import type { RingTaker } from '../ring/ring-follower.js';
import type { RecordBatch } from '../ring/ring-reader.js';
import type { HeaderSlot } from '../ring/ring-writer.js';
import type { FramesFromFlv } from './frames-from-flv.js';

/** Turns a ring's records into frames. */
export class RingFrames implements RingTaker {
	readonly #frames: FramesFromFlv;
	#entered = false;
	#dtsMs = 0;

	constructor(frames: FramesFromFlv) {
		this.#frames = frames;
	}

	/** Stream time of the newest frame that was handed on. */
	get dtsMs(): number {
		return this.#dtsMs;
	}

	enter(headers: readonly HeaderSlot[], dtsMs: number): void {
		if (this.#entered) {
			this.#frames.splice();
		}
		this.#entered = true;
		for (const { kind, body } of headers) {
			const tagType = TAG_TYPES[kind];
			if (tagType !== undefined) {
				this.#frames.tag(tagType, dtsMs, Buffer.from(body));
			}
		}
	}

	take({ bytes, records }: RecordBatch): void {
		for (const { kind, dtsMs, offset, length } of records) {
			const tagType = TAG_TYPES[kind];
			if (tagType !== undefined) {
				this.#dtsMs = dtsMs;
				const body = bytes.subarray(offset + TAG_HEADER_BYTES, offset + length - PREVIOUS_TAG_SIZE_BYTES);
				// The frames keep a sequence header and refer to its bytes, so it is copied.
				this.#frames.tag(tagType, dtsMs, HEADERS.has(kind) ? Buffer.from(body) : body);
			} else if (kind === RecordKind.splice) {
				this.#frames.splice();
			}
		}
	}
}

/** Records that carry a tag with frames or their configuration. */
const TAG_TYPES: { readonly [kind in RecordKind]?: number } = {
	[RecordKind.audio]: TagType.audio,
	[RecordKind.audioHeader]: TagType.audio,
	[RecordKind.video]: TagType.video,
	[RecordKind.videoHeader]: TagType.video,
	[RecordKind.script]: TagType.script,
};
const HEADERS: ReadonlySet<RecordKind> = new Set([RecordKind.audioHeader, RecordKind.videoHeader]);
