import type { TrackConfig } from '../codec/track-config.js';

/** A track of a stream as its source numbers it: two tracks may share an id when one is audio and one video. */
export type SourceTrack = {
	kind: 'video' | 'audio';
	/** 0 is the default track (Enhanced RTMP multitrack). */
	sourceId: number;
	config: TrackConfig;
};

/** One coded frame between a protocol and a packager. The object and its payload are borrowed until return. */
export type Frame = {
	kind: 'video' | 'audio';
	sourceId: number;
	/** Decoding time on the stream's one timeline. */
	dtsMs: number;
	/** Presentation minus decoding time, signed; 0 for audio. */
	compositionTimeMs: number;
	keyframe: boolean;
	/** No other frame refers to it. */
	droppable: boolean;
	/** As MP4 keeps it: length-prefixed NAL units, raw AAC frames, OBUs without temporal delimiters. */
	payload: Buffer;
};

/** A consumer of a stream's frames. Calls come in stream order. */
export type FrameSink = {
	/** A track has appeared or has another configuration from the next of its frames on. */
	track(track: SourceTrack): void;
	frame(frame: Frame): void;
	/** Script data at `dtsMs`: `body` is an FLV script tag's, borrowed until return. */
	script?(dtsMs: number, body: Buffer): void;
	/** Time goes on, but what follows comes from another source. */
	splice(): void;
	/** Nothing follows. */
	end(): void;
};
