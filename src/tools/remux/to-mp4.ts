import path from 'node:path';
import { BufferPool } from '../../bytes/buffer-pool.js';
import { Mp4Plan } from '../../remux/flv-to-mp4.js';
import type { Input, Reader } from './input.js';
import { OutputFile } from './output-file.js';

/**
 * The size of an MP4's index is judged by this much of the input, and more room is kept for it. The rest of the room
 * stays empty.
 */
const GUESS_BYTES = 6 * 1024 * 1024;
const GUESS_MARGIN = 1.3;
const GUESS_LEAST_BYTES = 64 * 1024;

/** An MP4 with its index in front; several, numbered, when the tracks change. */
export async function toMp4({ read, sizeBytes }: Input, output: string): Promise<void> {
	const headBytes = await guessHead(read, sizeBytes);
	if (headBytes === null || !(await toMp4InOnePass(read, output, headBytes))) {
		await toMp4InTwoPasses(read, output);
	}
}

const PROBED = new Error('probed');

/** Room for the index, judged by the beginning of the input; null for a small one. */
async function guessHead(read: Reader, inputBytes: number): Promise<number | null> {
	const plan = new Mp4Plan();
	let seen = 0;
	try {
		await read(plan.gather(), (position) => {
			seen = position;
			if (position >= GUESS_BYTES) {
				throw PROBED;
			}
		});
		return null;
	} catch (error) {
		if (error !== PROBED) {
			throw error;
		}
	}
	const [head] = plan.heads();
	return head === undefined ? null : Math.ceil(head.length * (inputBytes / seen) * GUESS_MARGIN) + GUESS_LEAST_BYTES;
}

/** Writes the media data behind `headBytes`, then the head. @returns false when it does not fit after all. */
async function toMp4InOnePass(read: Reader, output: string, headBytes: number): Promise<boolean> {
	const plan = new Mp4Plan();
	const pool = new BufferPool();
	let head: Buffer | null = null;
	await OutputFile.write(output, async (file) => {
		file.skip(headBytes);
		await read(plan.gatherAndCopy(pool, (bytes) => file.append(bytes, pool)));
		head = plan.headOf(headBytes);
		if (head !== null) {
			file.writeAt(0, head);
		}
	});
	return head !== null;
}

async function toMp4InTwoPasses(read: Reader, output: string): Promise<void> {
	const plan = new Mp4Plan();
	const pool = new BufferPool();
	await read(plan.gather());
	const files: OutputFile[] = [];
	try {
		for (const [index, head] of plan.heads().entries()) {
			const extension = path.extname(output);
			const name = index === 0 ? output : `${output.slice(0, -extension.length)}_${index + 1}${extension}`;
			const file = new OutputFile(name);
			files.push(file);
			file.append(head);
		}
		await read(plan.copy(pool, (movie, bytes) => files[movie]?.append(bytes, pool)));
	} finally {
		for (const file of files) {
			file.close();
		}
	}
}
