// Spec: Adobe Flash Video File Format 10.1, annex E.2 and E.3
import type { BufferPool } from '../bytes/buffer-pool.js';
import {
	PREVIOUS_TAG_SIZE_BYTES,
	TAG_HEADER_BYTES,
	TagType,
	writePreviousTagSize,
	writeTagHeader,
} from '../container/flv/tag.js';
import { buildFileHeader, buildTag } from '../container/flv/writer.js';
import type { Frame, FrameSink, SourceTrack } from './frame.js';
import { FramesToTags, type TagPurpose } from './frames-to-tags.js';

/** Written at once: many tags, and what has just been written is still in a processor's own cache when the file takes it. */
const BUFFER_BYTES = 256 * 1024;

/** The parts of an FLV file that are not media. */
export type FlvFilePlan = {
	/** File header and metadata; `metadata` is the body of an onMetaData that describes the tracks. */
	head(hasAudio: boolean, hasVideo: boolean, metadata: Uint8Array): Uint8Array;
	/** Hears of the places that a player may seek to: milliseconds, and offsets in the file. */
	index: {
		sequenceHeader(position: number): void;
		keyframe(timeMs: number, position: number): void;
		audioFrame(timeMs: number, position: number): void;
	} | null;
};

const PLAIN_FILE: FlvFilePlan = {
	head: (hasAudio, hasVideo, metadata) =>
		Buffer.concat([buildFileHeader(hasAudio, hasVideo), buildTag(TagType.script, 0, metadata)]),
	index: null,
};

/** Frames to the bytes of an FLV file. Both tracks must be known before the first frame, or the file header misses one. */
export class FramesToFlv implements FrameSink {
	readonly #write: (bytes: Buffer) => void;
	readonly #plan: FlvFilePlan;
	readonly #tags: FramesToTags;
	readonly #pool: BufferPool;
	#buffer: Buffer;
	#length = 0;
	#writtenBytes = 0;

	/** `write` takes bytes out of `pool`, to which it gives them back. */
	constructor(pool: BufferPool, write: (bytes: Buffer) => void, plan: FlvFilePlan = PLAIN_FILE) {
		this.#pool = pool;
		this.#buffer = pool.take(BUFFER_BYTES);
		this.#write = write;
		this.#plan = plan;
		this.#tags = new FramesToTags((tagType, timestampMs, head, payload, purpose) => {
			if (purpose === 'metadata') {
				this.#begin(payload);
			} else {
				this.#note(tagType, timestampMs, purpose);
				this.#tag(tagType, timestampMs, head, payload);
			}
		});
	}

	/** Time of the last frame. */
	get durationMs(): number {
		return this.#tags.latestMs;
	}

	track(track: SourceTrack): void {
		this.#tags.track(track);
	}

	frame(frame: Frame): void {
		this.#tags.frame(frame);
	}

	splice(): void {
		this.#tags.splice();
	}

	end(): void {
		this.#tags.end();
		this.#flush();
	}

	#begin(metadata: Uint8Array): void {
		const head = this.#plan.head(this.#tags.hasAudio, this.#tags.hasVideo, metadata);
		this.#reserve(head.length);
		this.#buffer.set(head, this.#length);
		this.#length += head.length;
		this.#plan.index?.sequenceHeader(this.#position);
	}

	#note(tagType: number, timestampMs: number, purpose: TagPurpose): void {
		if (purpose === 'keyframe') {
			this.#plan.index?.keyframe(timestampMs, this.#position);
		} else if (purpose === 'frame' && tagType === TagType.audio) {
			this.#plan.index?.audioFrame(timestampMs, this.#position);
		}
	}

	#tag(tagType: number, timestampMs: number, head: Uint8Array, payload: Uint8Array): void {
		const dataSize = head.length + payload.length;
		this.#reserve(TAG_HEADER_BYTES + dataSize + PREVIOUS_TAG_SIZE_BYTES);
		const buffer = this.#buffer;
		const bodyAt = this.#length + TAG_HEADER_BYTES;
		writeTagHeader(buffer, this.#length, tagType, dataSize, timestampMs);
		for (let index = 0; index < head.length; index++) {
			buffer[bodyAt + index] = head[index]!;
		}
		buffer.set(payload, bodyAt + head.length);
		writePreviousTagSize(buffer, bodyAt + dataSize, dataSize);
		this.#length += TAG_HEADER_BYTES + dataSize + PREVIOUS_TAG_SIZE_BYTES;
	}

	/** The place in the file where the next tag begins. */
	get #position(): number {
		return this.#writtenBytes + this.#length;
	}

	#reserve(bytes: number): void {
		if (this.#length + bytes > this.#buffer.length) {
			this.#flush();
			this.#buffer = this.#pool.take(Math.max(BUFFER_BYTES, bytes));
		}
	}

	#flush(): void {
		this.#writtenBytes += this.#length;
		this.#write(this.#buffer.subarray(0, this.#length));
		this.#buffer = Buffer.alloc(0);
		this.#length = 0;
	}
}
