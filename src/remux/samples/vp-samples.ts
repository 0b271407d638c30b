import { copyOf, type KeptBytes } from '../../bytes/kept.js';
import { parseVpConfig, type VideoConfig, vpConfigOf } from '../../codec/track-config.js';
import { isVp8KeyFrame, isVp9KeyFrame, vp8KeyFrameSize, vp9KeyFrameSize } from '../../codec/vp9/frame-header.js';
import type { VideoSamples } from './video-samples.js';

const NOTHING = Buffer.alloc(0);

/** Samples of VP8 and VP9: frames as they are. Only key frames tell the size of the picture. */
export class VpSamples implements VideoSamples {
	config: VideoConfig | null = null;
	keyframe = false;
	payload: Buffer = NOTHING;
	fault = '';
	readonly #codec: 'vp8' | 'vp9';
	#record: KeptBytes | null = null;
	/** A sequence header waits for the key frame that tells the size. */
	#isPending = false;

	constructor(codec: 'vp8' | 'vp9') {
		this.#codec = codec;
	}

	header(record: Buffer): void {
		if (!this.#record?.equals(record)) {
			this.#record = copyOf(record);
			this.#isPending = true;
		}
	}

	accept(frame: Buffer, marked: boolean): boolean {
		const isKey = this.#codec === 'vp9' ? isVp9KeyFrame : isVp8KeyFrame;
		this.fault = '';
		this.payload = frame;
		this.keyframe = isKey(frame, 0, frame.length) ?? marked;
		if (this.keyframe && this.#record !== null) {
			this.#configure(this.#record, frame);
		}
		if (this.config === null || frame.length === 0) {
			this.fault = `${this.#codec} frame without a sequence header`;
		}
		return this.fault === '';
	}

	splice(): void {
		// The next key frame tells.
	}

	#configure(record: Buffer, frame: Buffer): void {
		if (this.#isPending || this.config === null) {
			this.config = parseVpConfig(this.#codec, record, frame);
			this.#isPending = false;
			return;
		}
		const size = this.#codec === 'vp9' ? vp9KeyFrameSize(frame) : vp8KeyFrameSize(frame);
		if (size !== null && (size.width !== this.config.width || size.height !== this.config.height)) {
			this.config = vpConfigOf(this.#codec, record, size);
		}
	}
}
