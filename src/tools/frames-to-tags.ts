import { BufferPool } from '../bytes/buffer-pool.js';
import { FlvReader } from '../container/flv/reader.js';
import { MAX_TAG_BODY_BYTES } from '../container/flv/tag.js';
import type { FileTag } from '../relay/media-tag.js';
import type { FrameSink } from '../remux/frame.js';
import { FramesToFlv } from '../remux/frames-to-flv.js';

/** Frames as the tags of the FLV that they would be. */
export class FramesToTags {
	readonly sink: FrameSink;
	#tags: FileTag[] = [];

	constructor() {
		const handler = {
			tag: (tagType: number, timestampMs: number, body: Uint8Array): void => {
				this.#tags.push({ tagType, timestampMs, body: body.slice() });
			},
		};
		const reader = new FlvReader(handler, MAX_TAG_BODY_BYTES);
		const pool = new BufferPool();
		this.sink = new FramesToFlv(pool, (bytes) => {
			reader.push(bytes);
			pool.give(bytes);
		});
	}

	/** What has come since the last call; the last frames come when the sink has been told of the end. */
	take(): FileTag[] {
		const tags = this.#tags;
		this.#tags = [];
		return tags;
	}
}
