import { TagType } from '../container/flv/tag.js';
import { factsOf } from '../relay/media-tag.js';
import { FramesFromFlv } from '../remux/frames-from-flv.js';
import { TrackFigures } from './track-figures.js';

/** Timestamps count milliseconds modulo this. */
const WRAP_MS = 2 ** 32;

/** Takes every tag of a file or live stream, and tells what its tracks are like. */
export class Examination {
	readonly #tracks = new Map<string, TrackFigures>();
	readonly #frames: FramesFromFlv;
	readonly #newest: { audio: number; video: number } = { audio: Number.NaN, video: Number.NaN };
	#lastTimestampMs = 0;
	#wraps = 0;
	/** By how much, at most, one track's bytes run ahead of the other's. */
	widestInterleaveMs = 0;
	tags = 0;
	/** Tags that are not what they say they are. */
	unreadableTags = 0;

	constructor() {
		this.#frames = new FramesFromFlv({
			track: ({ kind, sourceId, config }) => {
				const key = `${kind} ${sourceId}`;
				const known = this.#tracks.get(key);
				if (known === undefined) {
					this.#tracks.set(key, new TrackFigures(config));
				} else {
					known.config = config;
					known.changes++;
				}
			},
			frame: (frame) => {
				this.#tracks.get(`${frame.kind} ${frame.sourceId}`)?.add(frame);
				this.#newest[frame.kind] = frame.dtsMs;
				const apartMs = Math.abs(this.#newest.audio - this.#newest.video);
				if (apartMs > this.widestInterleaveMs) {
					this.widestInterleaveMs = apartMs;
				}
			},
			splice: () => undefined,
			end: () => undefined,
		});
	}

	/** Video first. */
	get tracks(): readonly TrackFigures[] {
		return [...this.#tracks.values()].sort((a, b) => b.kind.localeCompare(a.kind));
	}

	/** Frames that cannot be decoded, and why the last of them. */
	get skipped(): { tags: number; reason: string } {
		return { tags: this.#frames.skippedTags, reason: this.#frames.lastFault };
	}

	/** A tag as the source has it: `timestampMs` modulo 2^32. `body` is borrowed until return. */
	tag(tagType: number, timestampMs: number, body: Uint8Array): void {
		this.tags++;
		const isMedia = tagType === TagType.audio || tagType === TagType.video;
		if (isMedia && factsOf(tagType, body) === null) {
			this.unreadableTags++;
			return;
		}
		if (this.#lastTimestampMs - timestampMs > WRAP_MS / 2) {
			this.#wraps++;
		}
		this.#lastTimestampMs = timestampMs;
		const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
		this.#frames.tag(tagType, timestampMs + this.#wraps * WRAP_MS, bytes);
	}
}
