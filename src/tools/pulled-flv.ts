import { type FileHandle, open } from 'node:fs/promises';
import { buildFileHeader, buildTag } from '../container/flv/writer.js';
import { assert } from '../errors.js';
import { finishTake, writeAll } from '../record/flv/finish-take.js';
import { KeyframeIndex } from '../record/flv/keyframe-index.js';
import { buildTakeHead, parseTakeHead, type TakeHead } from '../record/flv/take-head.js';
import { type MediaTag, StreamHeaders, type TagFacts } from '../relay/media-tag.js';
import type { PulledFile } from './pulled-file.js';

/** A pulled stream as an FLV file: whole tags only, made seekable at the end. */
export class PulledFlv implements PulledFile {
	sizeBytes = 0;
	readonly #path: string;
	readonly #flags: string;
	readonly #headers = new StreamHeaders();
	readonly #index = new KeyframeIndex();
	#file: FileHandle | null = null;
	#head: TakeHead | null = null;
	#pending: Uint8Array[] = [];
	#pendingBytes = 0;
	#started = false;
	#durationMs = 0;
	#shownTracks = '';

	/** `flags`: how the file is opened. */
	constructor(path: string, flags: string) {
		this.#path = path;
		this.#flags = flags;
	}

	take(tag: MediaTag, facts: TagFacts | null): void {
		const known = this.#headers.at(tag.dtsMs);
		if (this.#headers.note(tag, facts)) {
			// After a reconnection the same headers come again.
			const isNew = !known.some(({ tagType, body }) => tagType === tag.tagType && Buffer.compare(body, tag.body) === 0);
			if (this.#started && facts !== null && isNew) {
				this.#append(tag);
			}
			return;
		}
		if (facts === null) {
			return;
		}
		if (!this.#started) {
			this.#start();
		}
		const position = this.sizeBytes + this.#pendingBytes;
		const timeMs = Math.round(tag.dtsMs);
		this.#durationMs = Math.max(this.#durationMs, timeMs);
		if (facts.kind === 'audio') {
			this.#index.audioFrame(timeMs, position);
		} else if (facts.keyframe && facts.trackId === 0) {
			this.#index.keyframe(timeMs, position);
		}
		this.#append(tag);
	}

	splice(): void {
		// Time goes on; the file needs no mark.
	}

	async flush(): Promise<void> {
		if (this.#pending.length === 0) {
			return;
		}
		this.#file ??= await open(this.#path, this.#flags);
		const bytes = Buffer.concat(this.#pending);
		this.#pending = [];
		this.#pendingBytes = 0;
		const position = this.sizeBytes;
		this.sizeBytes += bytes.length;
		await writeAll(this.#file, bytes, position);
		await this.#showTracks(this.#file);
	}

	async finish(): Promise<void> {
		await this.flush();
		if (this.#file !== null && this.#head !== null) {
			const summary = { durationMs: this.#durationMs, sizeBytes: this.sizeBytes };
			await finishTake(this.#file, this.#head, summary, this.#index);
			await this.#file.close();
			this.#file = null;
		}
	}

	#start(): void {
		this.#started = true;
		const bytes = buildTakeHead(true, true, Date.now(), this.#headers.metadata);
		this.#head = parseTakeHead(bytes);
		assert(this.#head !== null, 'a take head of ours is one');
		this.#pending.push(bytes);
		this.#pendingBytes += bytes.length;
		this.#index.sequenceHeader(bytes.length);
		for (const header of this.#headers.at(0)) {
			if (header.body !== this.#headers.metadata) {
				this.#append(header);
			}
		}
	}

	#append({ tagType, dtsMs, body }: MediaTag): void {
		const bytes = buildTag(tagType, Math.round(dtsMs), body);
		this.#pending.push(bytes);
		this.#pendingBytes += bytes.length;
	}

	/** The file header says which tracks there are, also of one that appeared late. */
	async #showTracks(file: FileHandle): Promise<void> {
		const { hasAudio, hasVideo } = this.#headers;
		const tracks = `${hasAudio} ${hasVideo}`;
		if (tracks !== this.#shownTracks) {
			this.#shownTracks = tracks;
			await writeAll(file, buildFileHeader(hasAudio, hasVideo), 0);
		}
	}
}
