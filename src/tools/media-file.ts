import { type FileHandle, open } from 'node:fs/promises';
import { copyOf } from '../bytes/kept.js';
import { FlvReader } from '../container/flv/reader.js';
import { MAX_TAG_BODY_BYTES } from '../container/flv/tag.js';

import { isMp4 } from '../container/mp4/box-reader.js';
import type { FileTag } from '../relay/media-tag.js';
import type { FrameSink } from '../remux/frame.js';
import { FramesFromTs } from '../remux/frames-from-ts.js';
import { FramesToTags } from '../remux/frames-to-tags.js';
import { readMp4File } from '../remux/mp4-file.js';
import { ToolError } from './tool.js';

const CHUNK_BYTES = 256 * 1024;
const TS_PACKET_BYTES = 188;
const TS_SYNC_BYTE = 0x47;
const PROBE_BYTES = TS_PACKET_BYTES + 1;

type Take = (tag: FileTag) => Promise<void>;

/** Frames as tags that wait to be taken. */
class TagList {
	readonly frames: FrameSink;
	#tags: FileTag[] = [];

	constructor() {
		this.frames = new FramesToTags((tagType, timestampMs, head, payload) => {
			this.#tags.push({ tagType, timestampMs, body: copyOf(head, payload) });
		});
	}

	takeNew(): FileTag[] {
		const tags = this.#tags;
		this.#tags = [];
		return tags;
	}
}

/**
 * Reads an FLV, MP4 or MPEG-TS file (told by its first bytes, not by its name) from start to end, a tag at a time: the next is read
 * when `take` has resolved. Throws ToolError for anything else, PeerError for a damaged file.
 */
export async function forEachTag(path: string, take: Take): Promise<void> {
	const file = await open(path, 'r');
	try {
		const probe = Buffer.alloc(PROBE_BYTES);
		await file.read(probe, 0, PROBE_BYTES, 0);
		if (probe.toString('latin1', 0, 3) === 'FLV') {
			await forEachFlvTag(file, take);
		} else if (isMp4(probe)) {
			await forEachMp4Tag(file, take);
		} else if (probe[0] === TS_SYNC_BYTE && probe[TS_PACKET_BYTES] === TS_SYNC_BYTE) {
			await forEachTsTag(file, take);
		} else {
			throw new ToolError(`${path} is neither FLV nor MP4 nor MPEG-TS`);
		}
	} finally {
		await file.close();
	}
}

async function forEachFlvTag(file: FileHandle, take: Take): Promise<void> {
	let tags: FileTag[] = [];
	const handler = {
		tag: (tagType: number, timestampMs: number, body: Uint8Array): void => {
			tags.push({ tagType, timestampMs, body: copyOf(body) });
		},
	};
	const reader = new FlvReader(handler, MAX_TAG_BODY_BYTES);
	await forEachChunk(file, async (bytes) => {
		reader.push(bytes);
		await takeAll(tags, take);
		tags = [];
	});
}

async function forEachMp4Tag(file: FileHandle, take: Take): Promise<void> {
	const tags = new TagList();
	await readMp4File(file, tags.frames, () => takeAll(tags.takeNew(), take));
	await takeAll(tags.takeNew(), take);
}

async function forEachTsTag(file: FileHandle, take: Take): Promise<void> {
	const tags = new TagList();
	const reader = new FramesFromTs(tags.frames);
	await forEachChunk(file, async (bytes) => {
		reader.push(bytes);
		await takeAll(tags.takeNew(), take);
	});
	reader.end();
	await takeAll(tags.takeNew(), take);
}

async function forEachChunk(file: FileHandle, use: (bytes: Buffer) => Promise<void>): Promise<void> {
	const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
	for (let position = 0; ; ) {
		const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
		if (bytesRead === 0) {
			return;
		}
		position += bytesRead;
		await use(chunk.subarray(0, bytesRead));
	}
}

async function takeAll(tags: readonly FileTag[], take: Take): Promise<void> {
	for (const tag of tags) {
		await take(tag);
	}
}
