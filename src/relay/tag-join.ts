import { TagType } from '../container/flv/tag.js';
import type { KnownTag, TagHistory } from './tag-history.js';

/** Silence looks like silence: this many frames of sound in a row must be known before a source without video counts as the same. */
const AUDIO_EVIDENCE = 4;
/** A source that shows no video within this many frames of sound does not carry the same stream. */
const MAX_AUDIO_BEFORE_VIDEO = 256;
/** A source that is this far beyond what is known repeats nothing any more. */
const BEYOND_MS = 2000;

/**
 * The treatment of a frame: `hold` it until more have come; `known`: it was passed on before; `new`: it goes on from
 * there; `apart`: this source cannot be joined to the other.
 */
export type JoinVerdict = 'hold' | 'known' | 'new' | 'apart';

/**
 * Finds the place in a new source from which it goes on where an earlier one ended. Sources begin with frames of the
 * past. When any of the first frames is known, nothing is missing between, and all unknown frames are new. The two may
 * count time from different starts: `shiftMs` added to the new source's time gives the earlier one's.
 */
export class TagJoin {
	/** Added modulo 2^32. */
	shiftMs = 0;
	/** The place has been found. */
	joined = false;
	/** Everything is new from here on. */
	over = false;
	readonly #known = new Map<string, number[]>();
	readonly #hasVideo: boolean;
	#oldestMs = 0;
	#newestMs = 0;
	/** Shifts that fit all frames of sound so far; null before the first. */
	#shifts: Set<number> | null = null;
	#audioFrames = 0;

	constructor(history: TagHistory) {
		let hasVideo = false;
		let first = true;
		for (const tag of history.entries()) {
			const key = keyOf(tag);
			const times = this.#known.get(key) ?? [];
			times.push(tag.timestampMs);
			this.#known.set(key, times);
			hasVideo ||= tag.tagType === TagType.video;
			this.#newestMs = first || since(this.#newestMs, tag.timestampMs) > 0 ? tag.timestampMs : this.#newestMs;
			this.#oldestMs = first ? tag.timestampMs : this.#oldestMs;
			first = false;
		}
		this.#hasVideo = hasVideo;
	}

	/** The next frame of the new source. `keyframe` of video. */
	place(tag: KnownTag, keyframe: boolean): JoinVerdict {
		return this.joined ? this.#sort(tag) : this.#seek(tag, keyframe);
	}

	#seek(tag: KnownTag, keyframe: boolean): JoinVerdict {
		const times = this.#known.get(keyOf(tag)) ?? [];
		const shifts = times.map((timestampMs) => (timestampMs - tag.timestampMs) | 0);
		if (tag.tagType === TagType.video) {
			// A picture that refers to others may look like many; one that stands alone is itself, and so is one at its very time.
			const fitting = keyframe ? shifts : shifts.filter((shiftMs) => shiftMs === 0);
			return fitting.length === 0 ? 'apart' : this.#join(fitting, tag);
		}
		this.#audioFrames += 1;
		if (this.#hasVideo) {
			return this.#audioFrames > MAX_AUDIO_BEFORE_VIDEO ? 'apart' : 'hold';
		}
		const before = this.#shifts;
		this.#shifts = new Set(before === null ? shifts : shifts.filter((shiftMs) => before.has(shiftMs)));
		if (this.#shifts.size === 0) {
			return 'apart';
		}
		return this.#audioFrames < AUDIO_EVIDENCE ? 'hold' : this.#join([...this.#shifts], tag);
	}

	/** Several shifts are possible, and none is best: the one that repeats least is taken. */
	#join(shifts: readonly number[], tag: KnownTag): JoinVerdict {
		this.joined = true;
		this.shiftMs = shifts.includes(0) ? 0 : Math.max(...shifts);
		return this.#sort(tag);
	}

	#sort(tag: KnownTag): JoinVerdict {
		const timestampMs = (tag.timestampMs + this.shiftMs) >>> 0;
		this.over ||= since(this.#newestMs, timestampMs) > BEYOND_MS;
		const isOlder = since(timestampMs, this.#oldestMs) > 0;
		return isOlder || this.#known.get(keyOf(tag))?.includes(timestampMs) ? 'known' : 'new';
	}
}

function keyOf({ tagType, length, checksum }: KnownTag): string {
	return `${tagType}:${length}:${checksum}`;
}

/** Returns how much later `to` is than `from`, modulo 2^32. */
function since(from: number, to: number): number {
	return (to - from) | 0;
}
