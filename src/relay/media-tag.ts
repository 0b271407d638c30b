import type { KeptBytes } from '../bytes/kept.js';
import { classifyAudio, classifyVideo, type TagRole } from '../container/flv/classify.js';
import { TagType } from '../container/flv/tag.js';
import { peerErrorOf } from '../errors.js';

/** A tag as a file has it: the time is the file's, modulo 2^32. */
export type FileTag = { tagType: number; timestampMs: number; body: KeptBytes };

/** One FLV tag on a timeline that never wraps. */
export type MediaTag = { tagType: number; dtsMs: number; body: KeptBytes };

export type TagFacts = { kind: 'audio' | 'video'; role: TagRole; trackId: number; keyframe: boolean };

/** Returns the facts of an audio or video tag; null for script data, and for a tag that cannot be read. */
export function factsOf(tagType: number, body: Uint8Array): TagFacts | null {
	if (tagType !== TagType.audio && tagType !== TagType.video) {
		return null;
	}
	try {
		const kind = tagType === TagType.audio ? 'audio' : 'video';
		const { role, trackId, keyframe } = kind === 'audio' ? classifyAudio(body) : classifyVideo(body);
		return { kind, role, trackId, keyframe };
	} catch (error) {
		peerErrorOf(error);
		return null;
	}
}

/** The tags that a receiver needs before the frames: metadata and sequence headers, the newest of each. */
export class StreamHeaders {
	#metadata: MediaTag | null = null;
	readonly #tracks = new Map<string, MediaTag>();
	#hasVideo = false;

	/** There is picture: without it, any frame is one to start with. */
	get hasVideo(): boolean {
		return this.#hasVideo;
	}

	get hasAudio(): boolean {
		return [...this.#tracks.values()].some(({ tagType }) => tagType === TagType.audio);
	}

	get metadata(): Uint8Array | null {
		return this.#metadata?.body ?? null;
	}

	/** Remembers `tag` when it is a header. @returns whether it is one. */
	note(tag: MediaTag, facts: TagFacts | null): boolean {
		this.#hasVideo ||= facts?.kind === 'video';
		if (tag.tagType === TagType.script) {
			this.#metadata = tag;
			return true;
		}
		if (facts === null || (facts.role !== 'sequenceHeader' && facts.role !== 'configuration')) {
			return false;
		}
		this.#tracks.set(`${facts.kind} ${facts.role} ${facts.trackId}`, tag);
		return true;
	}

	/** All of them at `dtsMs`, in the order in which they are to be sent. */
	at(dtsMs: number): MediaTag[] {
		const tags = [...(this.#metadata === null ? [] : [this.#metadata]), ...this.#tracks.values()];
		return tags.map((tag) => ({ ...tag, dtsMs }));
	}
}
