import { Lifecycle, RecordFlag, RecordKind, StreamFlag } from '#src/ring/layout.js';
import { RingControl } from '#src/ring/ring-control.js';
import { RingWriter } from '#src/ring/ring-writer.js';
import type { Clip } from '#src/tools/load/clip.js';
import { isKeyframe, type Tag, TagType } from '#src/tools/load/flv-scanner.js';

const HEADER_KINDS: Record<number, RecordKind> = {
	[TagType.audio]: RecordKind.audioHeader,
	[TagType.video]: RecordKind.videoHeader,
	[TagType.script]: RecordKind.script,
};
const RING_BYTES = 2 ** 20;

/** A source of frames. They are asked for one after the other. */
export type FeedSource = Pick<Clip, 'headers' | 'frame'>;

/** Writes a clip into a ring as an ingest thread does, but as fast as it is told to. */
export class ClipFeed {
	readonly ring: SharedArrayBuffer;
	/** Pictures in the ring so far. */
	pictures = 0;
	readonly #clip: FeedSource;
	readonly #writer: RingWriter;
	#next = 0;

	constructor(clip: FeedSource) {
		this.#clip = clip;
		this.ring = RingWriter.allocate(RING_BYTES);
		this.#writer = RingWriter.attach(this.ring, new RingControl(this.ring).grantWriter());
		const slots = clip.headers.map(({ type, body }) => ({ kind: HEADER_KINDS[type]!, trackId: 0, body }));
		for (const { kind, trackId, body } of slots) {
			this.#writer.write(kind, 0, trackId, 0, body);
		}
		this.#writer.setHeaders(slots);
		this.#writer.setFlags(StreamFlag.ready | StreamFlag.hasAudio | StreamFlag.hasVideo);
	}

	/** Stream time of the next frame. */
	get nextMs(): number {
		return this.#clip.frame(this.#next).dtsMs;
	}

	/** Writes what comes before `untilMs`. */
	play(untilMs: number): void {
		while (this.nextMs < untilMs) {
			this.#write(this.#clip.frame(this.#next++));
		}
	}

	end(): void {
		this.#writer.write(RecordKind.end, 0, 0, this.nextMs, new Uint8Array(0));
		new RingControl(this.ring).setLifecycle(Lifecycle.ended);
	}

	#write(tag: Tag): void {
		const isPicture = tag.type === TagType.video;
		this.#writer.write(
			isPicture ? RecordKind.video : RecordKind.audio,
			isKeyframe(tag) ? RecordFlag.keyframe : 0,
			0,
			tag.dtsMs,
			tag.body,
		);
		this.pictures += isPicture ? 1 : 0;
	}
}
