import type { TrackConfig } from '../codec/track-config.js';
import type { Frame } from './frame.js';

/** Frames that are kept to be used again; more are left to the garbage collector. */
const MAX_FREE_FRAMES = 64;
const LEAST_BYTES = 4096;

/** A frame that waits, with its configuration. */
export type QueuedFrame = Frame & { config: TrackConfig | null };
type KeptFrame = QueuedFrame & { memory: Buffer };

/**
 * Frames of two tracks that come one track ahead of the other, handed over in the order of their times. Frame objects and the
 * memory of their payloads are used again.
 */
export class FrameQueue {
	readonly #queues: { video: KeptFrame[]; audio: KeptFrame[] } = { video: [], audio: [] };
	readonly #free: { video: KeptFrame[]; audio: KeptFrame[] } = { video: [], audio: [] };

	/** A new last frame of its track, whose payload, of `payloadBytes`, and times the caller fills in before the next call. */
	add(kind: Frame['kind'], payloadBytes: number, config: TrackConfig): Frame {
		const frame = this.#free[kind].pop() ?? newFrame(kind);
		frame.config = config;
		if (frame.memory.length < payloadBytes) {
			frame.memory = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(Math.max(payloadBytes, LEAST_BYTES))));
		}
		frame.payload = frame.memory.subarray(0, payloadBytes);
		this.#queues[kind].push(frame);
		return frame;
	}

	/** The configuration of the first waiting frame of a track; null when none waits. */
	configOf(kind: Frame['kind']): TrackConfig | null {
		return this.#queues[kind][0]?.config ?? null;
	}

	/**
	 * Hands frames over, each borrowed until `take` returns, as long as both tracks have one or one has more than `patience`.
	 */
	deliver(patience: number, take: (frame: QueuedFrame) => void): void {
		const { video, audio } = this.#queues;
		for (;;) {
			const [picture] = video;
			const [sound] = audio;
			const complete = picture !== undefined && sound !== undefined;
			if (!complete && Math.max(video.length, audio.length) <= patience) {
				return;
			}
			const soundFirst = sound !== undefined && (picture === undefined || sound.dtsMs < picture.dtsMs);
			const frame = (soundFirst ? audio : video).shift();
			if (frame === undefined) {
				return;
			}
			take(frame);
			const free = this.#free[frame.kind];
			if (free.length < MAX_FREE_FRAMES) {
				free.push(frame);
			}
		}
	}
}

function newFrame(kind: Frame['kind']): KeptFrame {
	const memory = Buffer.alloc(0);
	return {
		...{ kind, sourceId: 0, dtsMs: 0, compositionTimeMs: 0, keyframe: true, droppable: false },
		payload: memory,
		config: null,
		memory,
	};
}
