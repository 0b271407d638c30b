import { ac3FrameKey } from '../../codec/ac3/sync-frame.js';
import { malformed } from '../../codec/malformed.js';
import { mp3FrameKey } from '../../codec/mp3/frame-header.js';
import { type AudioConfig, configOfAc3Sample, configOfMp3Frame, sameConfig } from '../../codec/track-config.js';
import type { AudioSamples } from './audio-samples.js';

const NOTHING = Buffer.alloc(0);

type Codec = {
	/** A number that stays the same as long as a frame's header says the same of the sound; -1 when there is none. */
	keyOf(frame: Uint8Array): number;
	configOf(frame: Uint8Array): AudioConfig;
};

const MP3: Codec = { keyOf: mp3FrameKey, configOf: configOfMp3Frame };
const AC3: Codec = { keyOf: ac3FrameKey, configOf: configOfAc3Sample };

/** Samples of MP3, AC-3 and E-AC-3, whose every frame says how it is decoded. Frames are passed on as they are. */
export class SelfDescribingSamples implements AudioSamples {
	config: AudioConfig | null = null;
	payload: Buffer = NOTHING;
	readonly fault = '';
	readonly #codec: Codec;
	#key = -1;

	constructor(codec: 'mp3' | 'ac3' | 'eac3') {
		this.#codec = codec === 'mp3' ? MP3 : AC3;
	}

	header(): void {
		malformed('a sequence header of a codec that has none');
	}

	accept(frames: Buffer): number {
		this.payload = frames;
		const key = this.#codec.keyOf(frames);
		if (key < 0 ? this.config === null : key !== this.#key) {
			const config = this.#codec.configOf(frames);
			this.config = this.config !== null && sameConfig(this.config, config) ? this.config : config;
			this.#key = key;
		}
		return frames.length;
	}

	splice(): void {
		// The next frame tells.
	}
}
