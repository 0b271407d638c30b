import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isMp4 } from '../../container/mp4/box-reader.js';
import type { FrameSink } from '../../remux/frame.js';
import { Progress } from '../progress.js';

/** Small enough to be still in a processor's own cache when it is taken apart. */
const CHUNK_BYTES = 256 * 1024;
const PROBE_BYTES = 376;

/** Reads all frames of a file into `sink`. `afterChunk` gets the place in the file, and its promise is waited for. */
export type Reader = (sink: FrameSink, afterChunk?: (position: number) => Promise<void> | void) => Promise<void>;

export type Input = { read: Reader; sizeBytes: number; close: () => Promise<void> };

/**
 * Opens an FLV, MP4 or MPEG-TS file, told by its first bytes, not by its name. Reading shows progress on a terminal.
 */
export async function openInput(path: string): Promise<Input> {
	const file = await open(path, 'r');
	const { size } = await file.stat();
	const progress = new Progress(size);
	const readFile = await readerFor(file);
	let past = 0;
	return {
		sizeBytes: size,
		read: async (sink, afterChunk) => {
			await readFile(sink, (position) => {
				progress.show(past + position);
				return afterChunk?.(position);
			});
			past += size;
		},
		close: async () => {
			progress.clear();
			await file.close();
		},
	};
}

/** Loads only what this kind of file needs. */
async function readerFor(file: FileHandle): Promise<Reader> {
	const probe = Buffer.alloc(PROBE_BYTES);
	readSync(file.fd, probe, 0, probe.length, 0);
	if (isMp4(probe)) {
		const { readMp4File } = await import('../../remux/mp4-file.js');
		return (sink, afterChunk) => readMp4File(file, sink, afterChunk);
	}
	if (probe.toString('latin1', 0, 3) === 'FLV') {
		const { readFlvFile } = await import('../../remux/flv-file.js');
		const { FramesFromFlv } = await import('../../remux/frames-from-flv.js');
		return (sink, afterChunk) => readFlvFile(file, new FramesFromFlv(sink), afterChunk);
	}
	const { FramesFromTs } = await import('../../remux/frames-from-ts.js');
	return async (sink, afterChunk) => {
		const frames = new FramesFromTs(sink);
		const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
		for (let position = 0; ; ) {
			const bytesRead = readSync(file.fd, chunk, 0, chunk.length, position);
			if (bytesRead === 0) {
				break;
			}
			position += bytesRead;
			frames.push(chunk.subarray(0, bytesRead));
			await afterChunk?.(position);
		}
		frames.end();
	};
}
