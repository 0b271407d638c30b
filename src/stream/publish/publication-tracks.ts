import { StreamFlag } from '../../ring/layout.js';
import type { MetadataHints } from './live-metadata.js';
import type { TrackKind } from './timeline.js';

/** A source may take this long to show all of its tracks, in time and in media. */
export const DISCOVERY_MS = 1000;

type Sight = {
	/** A sequence header, or a frame that needs none. */
	known: boolean;
	/** A frame of any kind. */
	seen: boolean;
	announced: boolean | null;
};

/**
 * Finds out which tracks a source has. Media decides, metadata is a hint. The tracks are settled when audio and video
 * are both known, when the only one that was announced is, or when the deadline is over.
 */
export class TrackDiscovery {
	readonly #sights: { readonly [kind in TrackKind]: Sight } = {
		audio: { known: false, seen: false, announced: null },
		video: { known: false, seen: false, announced: null },
	};
	#startedAtMs: number | null = null;
	#startedDtsMs: number | null = null;
	#expired = false;

	/** A sequence header has come, or a frame that does not need one. @returns whether that was news. */
	know(kind: TrackKind): boolean {
		const sight = this.#sights[kind];
		const isNews = !sight.known;
		sight.known = true;
		return isNews;
	}

	/**
	 * A frame has come whose sequence header may still be missing; `dtsMs` is null while the source is not on air.
	 * @returns whether that was news: it is for the first frame of a kind, and for the one that ends the deadline.
	 */
	see(kind: TrackKind, dtsMs: number | null): boolean {
		const sight = this.#sights[kind];
		let isNews = !sight.seen;
		sight.seen = true;
		if (dtsMs !== null && !this.#expired) {
			this.#startedDtsMs ??= dtsMs;
			this.#expired = dtsMs - this.#startedDtsMs >= DISCOVERY_MS;
			isNews ||= this.#expired;
		}
		return isNews;
	}

	/** Metadata has come. */
	announce(hints: MetadataHints): void {
		this.#sights.audio.announced = hints.hasAudio;
		this.#sights.video.announced = hints.hasVideo;
	}

	/** To be called now and then with a monotonic time. */
	tick(nowMs: number): void {
		const { audio, video } = this.#sights;
		if (this.#startedAtMs === null && (audio.known || audio.seen || video.known || video.seen)) {
			this.#startedAtMs = nowMs;
		}
		this.#expired ||= this.#startedAtMs !== null && nowMs - this.#startedAtMs >= DISCOVERY_MS;
	}

	/** The source carries this kind of track, as far as is known. */
	has(kind: TrackKind): boolean {
		const { known, seen } = this.#sights[kind];
		return known || (this.#expired && seen);
	}

	/** Anything at all of this kind of track has come. */
	shows(kind: TrackKind): boolean {
		return this.#sights[kind].known || this.#sights[kind].seen;
	}

	/** The source has said that it will not carry this kind of track, and has not shown it either. */
	excludes(kind: TrackKind): boolean {
		return this.#sights[kind].announced === false && !this.shows(kind);
	}

	/** The source has no track of this kind, or shows none before the deadline although it was not announced. */
	lacks(kind: TrackKind): boolean {
		return this.settled ? !this.has(kind) : !this.shows(kind) && this.#sights[kind].announced !== true;
	}

	/** Nothing more is waited for; a track that still turns up is a late one. */
	get settled(): boolean {
		const hasAudio = this.has('audio');
		const hasVideo = this.has('video');
		return (
			(hasAudio && hasVideo) ||
			(hasAudio && this.excludes('video')) ||
			(hasVideo && this.excludes('audio')) ||
			(this.#expired && (hasAudio || hasVideo))
		);
	}

	/** The ring's flags word for what has been found. */
	get flags(): number {
		return (
			(this.has('audio') ? StreamFlag.hasAudio : 0) |
			(this.has('video') ? StreamFlag.hasVideo : 0) |
			(this.settled ? StreamFlag.ready : 0)
		);
	}
}
