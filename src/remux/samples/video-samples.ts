import type { VideoConfig } from '../../codec/track-config.js';

/**
 * Makes samples out of a track's frames: what MP4 keeps, and MPEG-TS is made of. A sample has one picture, framed as its
 * configuration says. A frame that is so already is passed on as it is.
 */
export type VideoSamples = {
	/** The configuration of the newest sample: another object when it has changed. Null before the first. */
	readonly config: VideoConfig | null;
	/** Decoding can start at the newest sample. */
	readonly keyframe: boolean;
	/** The newest sample, to be used up before the next frame. */
	readonly payload: Buffer;
	/** The reason why the newest frame made no sample; empty when it waits for the next picture, to which it belongs. */
	readonly fault: string;
	/** A sequence header. It is copied. Throws PeerError CODEC_CONFIG; then what came before it stays valid. */
	header(record: Buffer): void;
	/**
	 * A frame, borrowed until the next one. `marked` says whether its source calls it a keyframe.
	 * @returns whether it made a sample. Throws PeerError CODEC_CONFIG.
	 */
	accept(frame: Buffer, marked: boolean): boolean;
	/** The next frame comes from another source, whose sequence header is the last one that was given. */
	splice(): void;
};

/** Parts of a picture that came ahead of it, up to this many bytes, wait for it. */
export const MAX_PREAMBLE_BYTES = 256 * 1024;
