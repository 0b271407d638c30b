import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { readUint32 } from '../../bytes/big-endian.js';
import { classifyAudio, classifyVideo } from '../../container/flv/classify.js';
import { PREVIOUS_TAG_SIZE_BYTES, parseTagHeader, TAG_HEADER_BYTES, TagType } from '../../container/flv/tag.js';
import { peerErrorOf } from '../../errors.js';
import { NAME_PATTERN, type StreamName, streamName } from '../../stream-name.js';
import { errorCodeOf } from '../disk/file-error.js';
import { finishTake, type TakeSummary } from './finish-take.js';
import { KeyframeIndex } from './keyframe-index.js';
import { NEWEST_TAKE, UNBORN_TAKE } from './take-directory.js';
import { MAX_HEAD_BYTES, parseTakeHead } from './take-head.js';

export type TakeState = {
	/** Milliseconds since 1970. */
	startedAtMs: number;
	/** The summary of a take that nobody had finished. */
	recovered: TakeSummary | null;
};

const SCAN_BYTES = 1024 * 1024;
const TAG_TYPES: ReadonlySet<number> = new Set(Object.values(TagType));

/**
 * Finishes the take in `file` if a crash has left it unfinished: what follows its last whole tag is cut off. Files that are not
 * ours are left alone. Must not be used on a take that is being written. @returns null when there is no such file.
 */
export async function recoverTake(file: string): Promise<TakeState | null> {
	const handle = await openIfThere(file);
	if (handle === null) {
		return null;
	}
	try {
		const start = Buffer.alloc(MAX_HEAD_BYTES);
		const { bytesRead } = await handle.read(start, 0, start.length, 0);
		const head = parseTakeHead(start.subarray(0, bytesRead));
		if (head === null) {
			const { mtimeMs, birthtimeMs } = await handle.stat();
			return { startedAtMs: birthtimeMs > 0 ? birthtimeMs : mtimeMs, recovered: null };
		}
		if (head.finished) {
			return { startedAtMs: head.startedAtMs, recovered: null };
		}
		const index = new KeyframeIndex();
		const recovered = await scanTags(handle, head.mediaOffset, index);
		await handle.truncate(recovered.sizeBytes);
		await finishTake(handle, head, recovered, index);
		return { startedAtMs: head.startedAtMs, recovered };
	} finally {
		await handle.close();
	}
}

/** Tidies a directory of takes up after a crash. Must not be used while a take is being written there. */
export async function recoverStream(directory: string): Promise<TakeSummary | null> {
	await rm(path.join(directory, UNBORN_TAKE), { force: true });
	const state = await recoverTake(path.join(directory, NEWEST_TAKE));
	return state?.recovered ?? null;
}

/** Apps and names that have a directory under `root`. */
export async function* recordedStreams(root: string): AsyncIterable<StreamName> {
	for (const app of await subdirectories(root)) {
		for (const name of await subdirectories(path.join(root, app))) {
			yield streamName(app, name);
		}
	}
}

/** Reads tag by tag from `offset`, up to the first that is cut short or is none. */
async function scanTags(file: FileHandle, offset: number, index: KeyframeIndex): Promise<TakeSummary> {
	const { size } = await file.stat();
	let window = Buffer.alloc(0);
	let windowAt = offset;
	/** `length` bytes at `at`, valid until the next call. */
	const bytesAt = async (at: number, length: number): Promise<Buffer> => {
		if (at + length > windowAt + window.length) {
			const wanted = Math.min(Math.max(length, SCAN_BYTES), size - at);
			const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, at);
			window = buffer.subarray(0, bytesRead);
			windowAt = at;
		}
		return window.subarray(at - windowAt, at - windowAt + length);
	};
	let at = offset;
	let durationMs = 0;
	while (at + TAG_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES <= size) {
		const { tagType, dataSize, timestampMs } = parseTagHeader(await bytesAt(at, TAG_HEADER_BYTES));
		const length = TAG_HEADER_BYTES + dataSize + PREVIOUS_TAG_SIZE_BYTES;
		if (!TAG_TYPES.has(tagType) || at + length > size) {
			break;
		}
		const tag = await bytesAt(at, length);
		if (readUint32(tag, length - PREVIOUS_TAG_SIZE_BYTES) !== TAG_HEADER_BYTES + dataSize) {
			break;
		}
		const timeMs = unwrap(timestampMs, durationMs);
		indexTag(index, tagType, tag.subarray(TAG_HEADER_BYTES, -PREVIOUS_TAG_SIZE_BYTES), timeMs, at, at === offset);
		durationMs = Math.max(durationMs, timeMs);
		at += length;
	}
	return { durationMs, sizeBytes: at };
}

function indexTag(
	index: KeyframeIndex,
	tagType: number,
	body: Buffer,
	timeMs: number,
	position: number,
	first: boolean,
): void {
	const { role, keyframe, trackId } = classify(tagType, body);
	if (first && role !== 'frame') {
		index.sequenceHeader(position);
	} else if (keyframe && trackId === 0) {
		index.keyframe(timeMs, position);
	} else if (role === 'frame' && tagType === TagType.audio) {
		index.audioFrame(timeMs, position);
	}
}

function classify(tagType: number, body: Buffer): { role: string; keyframe: boolean; trackId: number } {
	try {
		if (tagType === TagType.video) {
			return classifyVideo(body);
		}
		if (tagType === TagType.audio) {
			return classifyAudio(body);
		}
	} catch (error) {
		// A publisher may send what we do not understand; it was recorded as it came.
		peerErrorOf(error);
	}
	return { role: 'other', keyframe: false, trackId: 0 };
}

/** The time whose low 32 bits are `timestampMs` and that is nearest to `nearMs`. */
function unwrap(timestampMs: number, nearMs: number): number {
	return nearMs + ((timestampMs - nearMs) | 0);
}

async function openIfThere(file: string): Promise<FileHandle | null> {
	try {
		return await open(file, 'r+');
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return null;
		}
		throw error;
	}
}

async function subdirectories(directory: string): Promise<string[]> {
	try {
		const entries = await readdir(directory, { withFileTypes: true });
		return entries.filter((entry) => entry.isDirectory() && NAME_PATTERN.test(entry.name)).map(({ name }) => name);
	} catch (error) {
		if (errorCodeOf(error) === 'ENOENT') {
			return [];
		}
		throw error;
	}
}
