import { BufferPool } from '../../bytes/buffer-pool.js';
import { assert } from '../../errors.js';
import { KeyframeIndex } from '../../record/flv/keyframe-index.js';
import { buildTakeHead, finishingPatches, parseTakeHead } from '../../record/flv/take-head.js';
import { FramesToFlv } from '../../remux/frames-to-flv.js';
import { TracksFirst } from '../../remux/tracks-first.js';
import type { Input } from './input.js';
import { OutputFile } from './output-file.js';

/** An FLV as recordings are: with duration, size and seek index in its metadata. */
export async function toFlv({ read }: Input, output: string): Promise<void> {
	const pool = new BufferPool();
	const index = new KeyframeIndex();
	let headBytes: Buffer = Buffer.alloc(0);
	await OutputFile.write(output, async (file) => {
		const frames = new FramesToFlv(pool, (bytes) => file.append(bytes, pool), {
			head(hasAudio, hasVideo, metadata) {
				headBytes = buildTakeHead(hasAudio, hasVideo, Date.now(), metadata);
				return headBytes;
			},
			index,
		});
		await read(new TracksFirst(frames));
		const head = parseTakeHead(headBytes);
		assert(head !== null, 'a head of ours is one');
		for (const { offset, bytes } of finishingPatches(head, frames.durationMs, file.sizeBytes, index)) {
			file.writeAt(offset, bytes);
		}
	});
}
