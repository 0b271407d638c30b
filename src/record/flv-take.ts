import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { TagType, writeTimestamp } from '../container/flv/tag.js';
import { buildFileHeader, buildTag } from '../container/flv/writer.js';
import { assert } from '../errors.js';
import { RecordFlag, RecordKind } from '../ring/layout.js';
import type { RecordBatch, RecordInfo } from '../ring/ring-reader.js';
import type { HeaderSlot } from '../ring/ring-writer.js';
import { finishTake, type TakeSummary, writeAll } from './finish-take.js';
import { KeyframeIndex } from './keyframe-index.js';
import { recoverTake } from './recovery.js';
import { keepNewestTake, NEWEST_TAKE, UNBORN_TAKE } from './take-directory.js';
import { buildTakeHead, parseTakeHead, type TakeHead } from './take-head.js';

export type TakeStart = {
	/** Time of the first record on the stream's timeline: 0 in the file. */
	dtsMs: number;
	startedAtMs: number;
	hasAudio: boolean;
	hasVideo: boolean;
	/** Metadata and sequence headers as of the first record. */
	headers: readonly HeaderSlot[];
};

/** One FLV recording on disk: `index.flv`, valid at any moment from the first to the last byte. One call at a time. */
export class FlvTake {
	readonly #file: FileHandle;
	readonly #head: TakeHead;
	readonly #baseDtsMs: number;
	readonly #index = new KeyframeIndex();
	#hasAudio: boolean;
	#hasVideo: boolean;
	#sizeBytes: number;
	#durationMs = 0;

	private constructor(file: FileHandle, head: TakeHead, start: TakeStart, sizeBytes: number) {
		this.#file = file;
		this.#head = head;
		this.#baseDtsMs = start.dtsMs;
		this.#hasAudio = start.hasAudio;
		this.#hasVideo = start.hasVideo;
		this.#sizeBytes = sizeBytes;
	}

	/**
	 * Begins a take in `directory`, which is made if need be. The newest take so far keeps its bytes under a name of its own; it is
	 * finished first when nobody did. Nothing is left behind when this fails.
	 */
	static async open(directory: string, start: TakeStart): Promise<FlvTake> {
		await mkdir(directory, { recursive: true });
		const unborn = path.join(directory, UNBORN_TAKE);
		const newest = path.join(directory, NEWEST_TAKE);
		const metadata = start.headers.find(({ kind }) => kind === RecordKind.script)?.body ?? null;
		const headBytes = buildTakeHead(start.hasAudio, start.hasVideo, start.startedAtMs, metadata);
		const head = parseTakeHead(headBytes);
		assert(head !== null, 'a take head of ours is one');
		const bytes = Buffer.concat([headBytes, ...headerTags(start.headers, 0)]);
		const file = await open(unborn, 'w+');
		try {
			await writeAll(file, bytes, 0);
			const { startedAtMs } = (await recoverTake(newest)) ?? { startedAtMs: 0 };
			await keepNewestTake(directory, startedAtMs);
			await rename(unborn, newest);
		} catch (error) {
			await file.close();
			await unlink(unborn);
			throw error;
		}
		const take = new FlvTake(file, head, start, bytes.length);
		if (bytes.length > headBytes.length) {
			take.#index.sequenceHeader(headBytes.length);
		}
		return take;
	}

	get sizeBytes(): number {
		return this.#sizeBytes;
	}

	/**
	 * Appends the tags of `batch` in one write; their timestamps are changed in its bytes, which nobody else may use.
	 * When it throws, the take ends before the batch and can still be finished.
	 */
	async append({ bytes, records }: RecordBatch): Promise<void> {
		const position = this.#sizeBytes;
		const tags = records.filter(({ length }) => length > 0);
		for (const { dtsMs, offset } of tags) {
			writeTimestamp(bytes, offset, this.#timeOf(dtsMs));
		}
		await this.#write(bytes);
		for (const tag of tags) {
			this.#note(tag, position + tag.offset);
		}
		await this.#updateTypeFlags(tags);
	}

	/** Appends sequence headers at `dtsMs`, for records that follow a gap. */
	async appendHeaders(headers: readonly HeaderSlot[], dtsMs: number): Promise<void> {
		await this.#write(Buffer.concat(headerTags(headers, this.#timeOf(dtsMs))));
	}

	/** Makes the take complete and seekable, and closes it, also when it throws: then it is finished by recovery. */
	async finish(): Promise<TakeSummary> {
		const summary = { durationMs: this.#durationMs, sizeBytes: this.#sizeBytes };
		try {
			// A failed append may have written a part of its batch.
			await this.#file.truncate(this.#sizeBytes);
			await finishTake(this.#file, this.#head, summary, this.#index);
		} finally {
			await this.#file.close();
		}
		return summary;
	}

	async #write(bytes: Uint8Array): Promise<void> {
		await writeAll(this.#file, bytes, this.#sizeBytes);
		this.#sizeBytes += bytes.length;
	}

	#note({ kind, flags, trackId, dtsMs }: RecordInfo, position: number): void {
		const timeMs = this.#timeOf(dtsMs);
		this.#durationMs = Math.max(this.#durationMs, timeMs);
		if (kind === RecordKind.video && trackId === 0 && (flags & RecordFlag.keyframe) !== 0) {
			this.#index.keyframe(timeMs, position);
		} else if (kind === RecordKind.audio) {
			this.#index.audioFrame(timeMs, position);
		}
	}

	/** A track that appears late shows in the file header. */
	async #updateTypeFlags(tags: readonly RecordInfo[]): Promise<void> {
		const hasAudio = this.#hasAudio || tags.some(({ kind }) => kind === RecordKind.audio);
		const hasVideo = this.#hasVideo || tags.some(({ kind }) => kind === RecordKind.video);
		if (hasAudio !== this.#hasAudio || hasVideo !== this.#hasVideo) {
			this.#hasAudio = hasAudio;
			this.#hasVideo = hasVideo;
			await writeAll(this.#file, buildFileHeader(hasAudio, hasVideo), 0);
		}
	}

	/** Audio that belongs before the first keyframe is moved to it. */
	#timeOf(dtsMs: number): number {
		return Math.max(0, Math.round(dtsMs - this.#baseDtsMs));
	}
}

function headerTags(headers: readonly HeaderSlot[], timeMs: number): Uint8Array[] {
	return headers
		.filter(({ kind }) => kind !== RecordKind.script)
		.map(({ kind, body }) => buildTag(kind === RecordKind.audioHeader ? TagType.audio : TagType.video, timeMs, body));
}
