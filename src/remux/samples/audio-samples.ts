import type { AudioConfig } from '../../codec/track-config.js';

/** Makes samples out of a track's frames of sound: what MP4 keeps, and MPEG-TS is made of. */
export type AudioSamples = {
	/** The configuration of the newest sample: another object when it has changed. Null before the first. */
	readonly config: AudioConfig | null;
	/** The newest sample, to be used up before the next frame. */
	readonly payload: Buffer;
	/** The reason why the newest frame made no sample. */
	readonly fault: string;
	/** A sequence header. It is copied. Throws PeerError CODEC_CONFIG; then what came before it stays valid. */
	header(record: Buffer): void;
	/**
	 * Takes the first frame of `frames`, borrowed until the next one: a tag may carry several.
	 * @returns its length. Throws PeerError CODEC_CONFIG.
	 */
	accept(frames: Buffer): number;
	/** The next frame comes from another source, whose sequence header is the last one that was given. */
	splice(): void;
};
