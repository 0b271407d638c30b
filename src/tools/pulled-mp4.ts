import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { buildInitSegment } from '../container/mp4/init-segment.js';
import { buildFragmentHead } from '../container/mp4/media-segment.js';
import { writeAll } from '../record/flv/finish-take.js';
import type { MediaTag } from '../relay/media-tag.js';
import { CmafPackager, type CmafSink } from '../remux/cmaf-packager.js';
import { FramesFromFlv } from '../remux/frames-from-flv.js';
import { SegmentPlanner } from '../remux/segment-planner.js';
import type { PulledFile } from './pulled-file.js';

/** A crash may cost this much. */
const FRAGMENT_MS = 1000;

/** Bytes for one file; an init segment begins another one. */
type Piece = { beginsFile: boolean; bytes: Buffer };

/**
 * A pulled stream as fragmented MP4: whole fragments only, so that the file can be played at any moment. When the tracks change,
 * the rest goes to NAME_2.mp4 and so on.
 */
export class PulledMp4 implements PulledFile {
	sizeBytes = 0;
	readonly #path: string;
	readonly #flags: string;
	readonly #frames: FramesFromFlv;
	#pending: Piece[] = [];
	#file: FileHandle | null = null;
	#files = 0;
	#position = 0;
	#isOver = false;

	/** `flags`: how files are opened. */
	constructor(file: string, flags: string) {
		this.#path = file;
		this.#flags = flags;
		const sink: CmafSink = {
			init: (tracks) => this.#pending.push({ beginsFile: true, bytes: buildInitSegment(tracks) }),
			fragment: ({ sequenceNumber, runs }) => {
				const head = buildFragmentHead(
					sequenceNumber,
					runs.map(({ track, run }) => ({ trackId: track.trackId, run })),
				);
				const bytes = Buffer.concat([head, ...runs.map(({ run }) => run.payload)]);
				this.#pending.push({ beginsFile: false, bytes });
			},
			segmentEnd: () => undefined,
			end: () => undefined,
		};
		this.#frames = new FramesFromFlv(new SegmentPlanner(new CmafPackager(sink), { partMs: FRAGMENT_MS }));
	}

	take({ tagType, dtsMs, body }: MediaTag): void {
		this.#frames.tag(tagType, dtsMs, body);
	}

	splice(): void {
		// Time goes on: the next fragment follows the last.
	}

	async flush(): Promise<void> {
		const pending = this.#pending;
		this.#pending = [];
		for (const { beginsFile, bytes } of pending) {
			if (beginsFile || this.#file === null) {
				await this.#file?.close();
				this.#files++;
				this.#position = 0;
				this.#file = await open(this.#nameOf(this.#files), this.#flags);
			}
			await writeAll(this.#file, bytes, this.#position);
			this.#position += bytes.length;
			this.sizeBytes += bytes.length;
		}
	}

	async finish(): Promise<void> {
		if (!this.#isOver) {
			this.#isOver = true;
			this.#frames.end();
		}
		await this.flush();
		await this.#file?.close();
		this.#file = null;
	}

	#nameOf(number: number): string {
		const { dir, name, ext } = path.parse(this.#path);
		return number === 1 ? this.#path : path.join(dir, `${name}_${number}${ext}`);
	}
}
