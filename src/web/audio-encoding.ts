// Spec: RFC 7845 5.1 (Opus identification header).

import { AudioTimeline } from './audio-timeline.js';
import type { PushedAudioCodec } from './flv-muxer.js';
import { bytesOf } from './video-encoding.js';

const AAC_LC = 'mp4a.40.2';
const BITRATE = 128_000;
const OPUS_HEAD_BYTES = 19;
const OPUS_PRE_SKIP = 312;

export type AudioEncodingListener = {
	/** AudioSpecificConfig or Opus identification header; before the first frame. */
	config(decoderConfig: Uint8Array): void;
	frame(timestampMs: number, frame: Uint8Array): void;
	failed(reason: string): void;
};

/** AAC where the browser has an encoder for it, else Opus. */
export async function chooseAudioCodec(): Promise<PushedAudioCodec> {
	const config = { codec: AAC_LC, sampleRate: 48_000, numberOfChannels: 2, bitrate: BITRATE };
	const { supported } = await AudioEncoder.isConfigSupported(config);
	return supported ? 'aac' : 'opus';
}

/** AAC or Opus of a track's sound. */
export class AudioEncoding {
	readonly #codec: PushedAudioCodec;
	readonly #encoder: AudioEncoder;
	readonly #timeline = new AudioTimeline();
	readonly #listener: AudioEncodingListener;
	#described = false;

	constructor(codec: PushedAudioCodec, listener: AudioEncodingListener) {
		this.#codec = codec;
		this.#listener = listener;
		this.#encoder = new AudioEncoder({
			output: (chunk, metadata) => this.#output(chunk, metadata),
			error: (error) => listener.failed(`The audio encoder failed: ${error.message}`),
		});
	}

	/** Encodes a piece of sound and closes it. */
	take(sound: AudioData): void {
		const silence = this.#timeline.place(sound, performance.now());
		if (silence === null) {
			sound.close();
			return;
		}
		if (this.#encoder.state === 'unconfigured') {
			const { sampleRate, numberOfChannels } = sound;
			const codec = this.#codec === 'aac' ? AAC_LC : 'opus';
			this.#encoder.configure({ codec, sampleRate, numberOfChannels, bitrate: BITRATE });
		}
		if (this.#encoder.state === 'configured') {
			if (silence > 0) {
				this.#encoder.encode(silenceLike(sound, silence));
			}
			this.#encoder.encode(sound);
		}
		sound.close();
	}

	close(): void {
		if (this.#encoder.state !== 'closed') {
			this.#encoder.close();
		}
	}

	#output(chunk: EncodedAudioChunk, metadata?: EncodedAudioChunkMetadata): void {
		const config = metadata?.decoderConfig;
		if (config !== undefined && !this.#described) {
			this.#described = true;
			const { description, numberOfChannels, sampleRate } = config;
			this.#listener.config(description === undefined ? opusHead(numberOfChannels, sampleRate) : bytesOf(description));
		}
		const data = new Uint8Array(chunk.byteLength);
		chunk.copyTo(data);
		this.#listener.frame(this.#timeline.next(chunk.duration ?? 0), data);
	}
}

/** Silence in the form of `sound`. */
function silenceLike({ sampleRate, numberOfChannels, timestamp }: AudioData, numberOfFrames: number): AudioData {
	const data = new Float32Array(numberOfChannels * numberOfFrames);
	return new AudioData({ format: 'f32-planar', sampleRate, numberOfChannels, numberOfFrames, timestamp, data });
}

/** Browsers may leave the description of mono and stereo Opus out; FLV wants one. */
function opusHead(channels: number, inputSampleRate: number): Uint8Array {
	const head = new Uint8Array(OPUS_HEAD_BYTES);
	const view = new DataView(head.buffer);
	head.set(new TextEncoder().encode('OpusHead'));
	head[8] = 1; // Version
	head[9] = channels; // Channel Count
	view.setUint16(10, OPUS_PRE_SKIP, true); // Pre-skip
	view.setUint32(12, inputSampleRate, true); // Input Sample Rate
	return head; // Output Gain 0, Channel Mapping Family 0
}
