// Spec: RFC 8216 4.3 (playlists that are complete)
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { PLAIN_PLAYLIST, type PlaylistSegment, serializeMediaPlaylist } from '../../protocol/m3u8/media-playlist.js';
import { OutputFile } from './output-file.js';

/** Segments in a directory, and the playlist of them, which is written when all are there. What was there before is written over. */
export class SegmentFolder {
	readonly #directory: string;
	readonly #extension: string;
	readonly #version: number;
	readonly #segments: PlaylistSegment[] = [];
	#file: OutputFile | null = null;
	#map: string | null = null;
	#discontinuity = false;
	#targetDuration = 1;

	private constructor(directory: string, extension: string, version: number) {
		this.#directory = directory;
		this.#extension = extension;
		this.#version = version;
	}

	static async open(directory: string, extension: string, version: number): Promise<SegmentFolder> {
		await mkdir(directory, { recursive: true });
		return new SegmentFolder(directory, extension, version);
	}

	/** The next segments need the init segment `name`. */
	init(name: string, bytes: Uint8Array): void {
		this.#map = name;
		writeFileSync(path.join(this.#directory, name), bytes);
	}

	targetDuration(seconds: number): void {
		this.#targetDuration = seconds;
	}

	/** To the present segment. */
	append(bytes: Buffer): void {
		this.#file ??= new OutputFile(path.join(this.#directory, this.#nextName));
		this.#file.append(bytes);
	}

	/** `discontinuity`: the next segment does not continue it. */
	endSegment(durationMs: number, discontinuity: boolean): void {
		if (this.#file === null) {
			return;
		}
		const uri = this.#nextName;
		this.close();
		this.#segments.push({
			uri,
			duration: durationMs / 1000,
			discontinuity: this.#discontinuity,
			map: this.#map,
			key: null,
			programDateTimeMs: null,
			parts: [],
		});
		this.#discontinuity = discontinuity;
	}

	/** Writes the playlist, unless nothing would be in it. */
	end(): void {
		if (this.#segments.length === 0) {
			return;
		}
		const text = serializeMediaPlaylist({
			...PLAIN_PLAYLIST,
			version: this.#version,
			independentSegments: false,
			type: 'VOD',
			mediaSequence: 1,
			targetDuration: this.#targetDuration,
			segments: this.#segments,
			ended: true,
		});
		writeFileSync(path.join(this.#directory, 'index.m3u8'), text);
	}

	/** Lets go of a file that is open. */
	close(): void {
		this.#file?.close();
		this.#file = null;
	}

	get #nextName(): string {
		return `segment_${this.#segments.length + 1}.${this.#extension}`;
	}
}
