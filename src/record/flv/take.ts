import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { TagType, writeTimestamp } from '../../container/flv/tag.js';
import { buildFileHeader, buildTag } from '../../container/flv/writer.js';
import { assert } from '../../errors.js';
import { RecordFlag, RecordKind } from '../../ring/layout.js';
import type { RecordBatch, RecordInfo } from '../../ring/ring-reader.js';
import type { HeaderSlot } from '../../ring/ring-writer.js';
import { DiskQueue } from '../disk/disk-queue.js';
import type { RecorderEvent } from '../output.js';
import type { Take, TakeStart } from '../stream-recorder.js';
import { finishTake, type TakeSummary, writeAll } from './finish-take.js';
import { KeyframeIndex } from './keyframe-index.js';
import { recoverTake } from './recovery.js';
import { keepNewestTake, NEWEST_TAKE, UNBORN_TAKE } from './take-directory.js';
import { buildTakeHead, parseTakeHead, type TakeHead } from './take-head.js';

/** One FLV recording on disk: `index.flv`, valid at any moment from the first to the last byte. */
export class FlvTake implements Take {
	readonly #file: FileHandle;
	readonly #head: TakeHead;
	readonly #baseDtsMs: number;
	readonly #index = new KeyframeIndex();
	readonly #queue = new DiskQueue('flv');
	readonly #report: (event: RecorderEvent) => void;
	#entered = false;
	/** Frames that have been ordered to be written, and where they will be. */
	#pending: { frame: RecordInfo; position: number }[] = [];
	#pendingBytes = 0;
	#hasAudio: boolean;
	#hasVideo: boolean;
	#sizeBytes: number;
	#durationMs = 0;

	private constructor(
		file: FileHandle,
		head: TakeHead,
		start: TakeStart,
		sizeBytes: number,
		report: (event: RecorderEvent) => void,
	) {
		this.#file = file;
		this.#report = report;
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
	static async open(directory: string, start: TakeStart, report: (event: RecorderEvent) => void): Promise<FlvTake> {
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
		const take = new FlvTake(file, head, start, bytes.length, report);
		if (bytes.length > headBytes.length) {
			take.#index.sequenceHeader(headBytes.length);
		}
		return take;
	}

	get bytesWritten(): number {
		return this.#sizeBytes + this.#pendingBytes;
	}

	/** Behind a gap, sequence headers come first; those of the first records are there already. */
	enter(headers: readonly HeaderSlot[], dtsMs: number): void {
		if (this.#entered) {
			this.#append(Buffer.concat(headerTags(headers, this.#timeOf(dtsMs))));
		}
		this.#entered = true;
	}

	take({ bytes, records }: RecordBatch): void {
		const tags = records.filter(({ length }) => length > 0);
		const position = this.bytesWritten;
		let at = 0;
		for (const tag of tags) {
			writeTimestamp(bytes, tag.offset, this.#timeOf(tag.dtsMs));
			bytes.copyWithin(at, tag.offset, tag.offset + tag.length);
			this.#pending.push({ frame: tag, position: position + at });
			at += tag.length;
		}
		this.#append(bytes.subarray(0, at));
		this.#updateTypeFlags(tags);
	}

	/** When it rejects, the take ends before what was ordered and can still be finished. */
	async flush(): Promise<void> {
		await this.#queue.flush();
		this.#sizeBytes += this.#pendingBytes;
		for (const { frame, position } of this.#pending) {
			this.#note(frame, position);
		}
		this.#pendingBytes = 0;
		this.#pending = [];
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

	async abandon(): Promise<void> {
		await this.finish().catch((reason: unknown) => {
			const message = 'a take stays unfinished until it is recovered';
			this.#report({ level: 'error', message, fields: { error: String(reason) } });
		});
	}

	#append(bytes: Uint8Array): void {
		this.#queue.write(this.#file.fd, this.bytesWritten, [bytes]);
		this.#pendingBytes += bytes.length;
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
	#updateTypeFlags(tags: readonly RecordInfo[]): void {
		const hasAudio = this.#hasAudio || tags.some(({ kind }) => kind === RecordKind.audio);
		const hasVideo = this.#hasVideo || tags.some(({ kind }) => kind === RecordKind.video);
		if (hasAudio !== this.#hasAudio || hasVideo !== this.#hasVideo) {
			this.#hasAudio = hasAudio;
			this.#hasVideo = hasVideo;
			this.#queue.write(this.#file.fd, 0, [buildFileHeader(hasAudio, hasVideo)]);
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
