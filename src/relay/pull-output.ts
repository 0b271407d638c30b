import { copyOf, type KeptBytes } from '../bytes/kept.js';
import { classifyAudio, classifyVideo, type TagClass } from '../container/flv/classify.js';
import { TagType } from '../container/flv/tag.js';
import { type ErrorCode, peerErrorOf } from '../errors.js';
import { Held } from '../stream/publish/held.js';
import type { Publication } from '../stream/publish/publication.js';
import type { PublishRequests } from '../stream/publish/publish-requests.js';
import type { StreamName } from '../stream-name.js';
import { type KnownTag, knownTag, TagHistory } from './tag-history.js';
import { TagJoin } from './tag-join.js';

export type PullOutputEvents = {
	/** A frame has been passed on that was not there before. */
	fresh(): void;
	/** A source has been joined to the one before it. */
	joined(how: 'continued' | 'spliced'): void;
	/** The source began where it was asked to, and yet with something else: its time is another one. */
	misplaced(): void;
	/** It is over, not by `close`: refused, evicted. */
	over(code: ErrorCode, message: string): void;
};

export type PullOutputParts = { name: StreamName; requests: PublishRequests; events: PullOutputEvents };

type Tag = { tagType: number; timestampMs: number; body: Uint8Array; frame: { keyframe: boolean } | null };
type HeldTag = Tag & { body: KeptBytes };

/** The limit of the bytes that wait for a verdict. A group of pictures of a large stream takes a part of it. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

/**
 * The one stream that a pull makes out of one source after another. What follows a source that ended is joined to it at the very
 * next tag if the sources carry the same, and spliced to it if not.
 *
 *   opening ---granted---> direct ---begin---> joining ---known or new---> direct, continued
 *                                                 `-------apart----------> direct, spliced
 */
export class PullOutput {
	readonly #parts: PullOutputParts;
	readonly #events: PullOutputEvents;
	#publication: Publication | null = null;
	#address = '';
	#opening = false;
	#closed = false;
	#history = new TagHistory();
	#join: TagJoin | null = null;
	/** This source's first new frame has been passed on. */
	#fresh = false;
	/** Added to this source's time, it gives the time of the first one. */
	#shiftMs = 0;
	/** Newest frames; of a stream with video, its sound may be ahead of the next keyframe. */
	#lastVideoMs: number | null = null;
	#lastAudioMs: number | null = null;
	#askedForMs: number | null = null;
	/** Tags that wait for the verdict, and then for the place where their source joins. */
	readonly #held = new Held<HeldTag>(MAX_HELD_BYTES, (tag) => this.#take(tag));

	constructor(parts: PullOutputParts) {
		this.#parts = parts;
		this.#events = parts.events;
	}

	/** There is a stream, with viewers perhaps. */
	get onAir(): boolean {
		return this.#publication !== null;
	}

	/** The newest time of the stream, for a source that goes on with it; null when there is nothing to go on with. */
	get resumeMs(): number | null {
		return this.#lastVideoMs ?? this.#lastAudioMs;
	}

	/**
	 * The next tags come from another source. `address` is its address, `askedForMs` the time at which it was asked to
	 * go on.
	 */
	begin(address: string, askedForMs: number | null): void {
		this.#held.drop();
		this.#askedForMs = askedForMs;
		this.#fresh = false;
		this.#shiftMs = 0;
		this.#join = this.#history.empty ? null : new TagJoin(this.#history);
		this.#address = address;
	}

	/** A tag of the present source. `body` is borrowed until return. */
	tag(tagType: number, timestampMs: number, body: Uint8Array): void {
		if (this.#closed) {
			return;
		}
		const tag: Tag = { tagType, timestampMs, body, frame: frameOf(tagType, body) };
		if (this.#publication === null) {
			this.#hold(tag);
			if (!this.#opening) {
				void this.#open();
			}
		} else {
			this.#take(tag);
		}
	}

	/** Ends the stream. */
	close(code: ErrorCode): void {
		this.#closed = true;
		this.#held.drop();
		this.#publication?.close(code);
		this.#publication = null;
	}

	async #open(): Promise<void> {
		const { name, requests } = this.#parts;
		this.#opening = true;
		try {
			const publisher = { protocol: 'pull', address: this.#address, query: '' } as const;
			const publication = await requests.open(name, publisher, (code, message) => this.#revoked(code, message));
			this.#opening = false;
			if (this.#closed) {
				publication.close('PEER_GONE');
				return;
			}
			this.#publication = publication;
			this.#held.release();
		} catch (error) {
			const { code, message } = peerErrorOf(error);
			this.#revoked(code, message);
		}
	}

	#revoked(code: ErrorCode, message: string): void {
		if (!this.#closed) {
			this.#closed = true;
			this.#publication = null;
			this.#held.drop();
			this.#events.over(code, message);
		}
	}

	#take(tag: Tag): void {
		if (this.#join === null) {
			this.#pass(tag);
		} else if (tag.frame === null) {
			this.#takeAside(tag);
		} else {
			this.#takeFrame(this.#join, tag, tag.frame.keyframe);
		}
	}

	#takeFrame(join: TagJoin, tag: Tag, keyframe: boolean): void {
		const known = knownTag(tag.tagType, tag.timestampMs, tag.body);
		const verdict = join.place(known, keyframe);
		if (verdict === 'hold' && this.#held.bytes + tag.body.length <= MAX_HELD_BYTES) {
			this.#hold(tag);
			return;
		}
		if (verdict === 'apart' || verdict === 'hold') {
			if (this.#askedForMs !== null && ((this.#askedForMs - tag.timestampMs) | 0) >= 0) {
				this.#events.misplaced();
				return;
			}
			this.#splice();
			this.#pass(tag);
			return;
		}
		this.#shiftMs = join.shiftMs;
		this.#held.release();
		if (verdict === 'new') {
			this.#pass(tag, known);
		}
		if (join.over) {
			this.#join = null;
		}
	}

	/**
	 * Takes a tag that is no frame. Sequence headers are for the frames behind them; everything else belongs to the
	 * frames before it.
	 */
	#takeAside(tag: Tag): void {
		if (!this.#join!.joined) {
			this.#hold(tag);
		} else if (this.#fresh || isHeader(tag)) {
			this.#pass(tag);
		}
	}

	#splice(): void {
		this.#join = null;
		this.#history = new TagHistory();
		this.#lastVideoMs = null;
		this.#lastAudioMs = null;
		this.#publication?.splice();
		if (!this.#fresh) {
			this.#events.joined('spliced');
		}
		this.#held.release();
	}

	#pass({ tagType, timestampMs, body, frame }: Tag, known?: KnownTag): void {
		const shiftedMs = (timestampMs + this.#shiftMs) >>> 0;
		if (frame !== null) {
			const checked = known ?? knownTag(tagType, shiftedMs, body);
			this.#history.add({ ...checked, timestampMs: shiftedMs });
			if (tagType === TagType.video) {
				this.#lastVideoMs = shiftedMs;
			} else {
				this.#lastAudioMs = shiftedMs;
			}
		}
		this.#publication?.push(tagType, shiftedMs, body);
		if (frame !== null) {
			if (this.#join !== null && !this.#fresh) {
				this.#events.joined('continued');
			}
			this.#fresh = true;
			this.#events.fresh();
		}
	}

	/** Keeps a copy of `tag`. When there is no more room, what came first is of no use any more. */
	#hold(tag: Tag): void {
		const kept = { ...tag, body: copyOf(tag.body) };
		if (!this.#held.hold(kept, kept.body.length)) {
			this.#held.drop();
			this.#held.hold(kept, kept.body.length);
		}
	}
}

/** Null for what is no frame, and for what cannot be read: the publication says so. */
function frameOf(tagType: number, body: Uint8Array): Tag['frame'] {
	const tag = classOf(tagType, body);
	return tag?.role === 'frame' ? { keyframe: tag.keyframe } : null;
}

function isHeader({ tagType, body }: Tag): boolean {
	const role = classOf(tagType, body)?.role;
	return role === 'sequenceHeader' || role === 'configuration';
}

function classOf(tagType: number, body: Uint8Array): TagClass<unknown> | null {
	if (tagType !== TagType.audio && tagType !== TagType.video) {
		return null;
	}
	try {
		return tagType === TagType.audio ? classifyAudio(body) : classifyVideo(body);
	} catch (error) {
		peerErrorOf(error);
		return null;
	}
}
