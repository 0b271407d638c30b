import { copyOf, type KeptBytes } from '../../bytes/kept.js';
import { opusHeadOfPacket } from '../../codec/opus/identification-header.js';
import { type AudioConfig, parseFlacTrackConfig, parseOpusConfig } from '../../codec/track-config.js';
import type { AudioSamples } from './audio-samples.js';

const NOTHING = Buffer.alloc(0);

/** Samples of Opus and FLAC: frames as they are, decoded as their sequence header says. Opus can do without. */
export class HeaderSamples implements AudioSamples {
	config: AudioConfig | null = null;
	payload: Buffer = NOTHING;
	fault = '';
	readonly #codec: 'opus' | 'flac';
	#record: KeptBytes | null = null;

	constructor(codec: 'opus' | 'flac') {
		this.#codec = codec;
	}

	header(record: Buffer): void {
		if (!this.#record?.equals(record)) {
			const copy = copyOf(record);
			this.config = this.#codec === 'opus' ? parseOpusConfig(copy) : parseFlacTrackConfig(copy);
			this.#record = copy;
		}
	}

	accept(frames: Buffer): number {
		this.payload = frames;
		if (this.config === null && this.#codec === 'opus') {
			this.config = parseOpusConfig(opusHeadOfPacket(frames));
		}
		this.fault = this.config === null ? `${this.#codec} without a sequence header` : '';
		return frames.length;
	}

	splice(): void {
		// The sequence header holds on.
	}
}
