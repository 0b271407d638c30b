import { SourceClock } from './source-clock.js';

const KEYFRAME_INTERVAL_MS = 2000;
const FRAME_RATE = 30;
/** More pictures than this in the encoder: it does not keep up, and the next one is skipped. */
const MAX_QUEUED_FRAMES = 4;
/** Constrained baseline, main and high of a level that holds 1080p30, by what decoders most surely know. */
const H264_CODECS = ['avc1.42E028', 'avc1.4D0028', 'avc1.640028'];

export type EncodedVideo = { timestampMs: number; keyframe: boolean; data: Uint8Array };

export type VideoEncodingListener = {
	/** A decoder configuration record: at the start and whenever the picture's size changes, before the frame that needs it. */
	config(decoderConfig: Uint8Array): void;
	frame(frame: EncodedVideo): void;
	failed(reason: string): void;
};

/** H.264 of a track's pictures: a keyframe every 2 s and when asked for, no B-frames. */
export class VideoEncoding {
	readonly #encoder: VideoEncoder;
	readonly #clock = new SourceClock();
	readonly #maxHeight: number;
	readonly #bitsPerSecond: number;
	#codec: string;
	#size = '';
	#lastKeyframeMs = Number.NEGATIVE_INFINITY;
	#skipped = 0;

	private constructor(codec: string, maxHeight: number, bitsPerSecond: number, listener: VideoEncodingListener) {
		this.#codec = codec;
		this.#maxHeight = maxHeight;
		this.#bitsPerSecond = bitsPerSecond;
		this.#encoder = new VideoEncoder({
			output: (chunk, metadata) => {
				const config = metadata?.decoderConfig?.description;
				if (config !== undefined) {
					listener.config(bytesOf(config));
				}
				const data = new Uint8Array(chunk.byteLength);
				chunk.copyTo(data);
				listener.frame({ timestampMs: chunk.timestamp / 1000, keyframe: chunk.type === 'key', data });
			},
			error: (error) => listener.failed(`The video encoder failed: ${error.message}`),
		});
	}

	/** Throws when this browser has no H.264 encoder. */
	static async create(maxHeight: number, bitsPerSecond: number, listener: VideoEncodingListener) {
		if (!('VideoEncoder' in window)) {
			throw new Error('This browser cannot encode video (it has no WebCodecs).');
		}
		for (const codec of H264_CODECS) {
			const { supported } = await VideoEncoder.isConfigSupported(configOf(codec, 640, 360, bitsPerSecond));
			if (supported) {
				return new VideoEncoding(codec, maxHeight, bitsPerSecond, listener);
			}
		}
		throw new Error('This browser cannot encode H.264.');
	}

	/** Pictures that the encoder was too slow for. */
	get skipped(): number {
		return this.#skipped;
	}

	get codec(): string {
		return this.#codec;
	}

	/** Encodes a picture and closes it. */
	take(picture: VideoFrame): void {
		const timeMs = this.#clock.timeOf(picture.timestamp, performance.now());
		if (timeMs === null) {
			picture.close();
			return;
		}
		if (this.#encoder.state === 'closed' || this.#encoder.encodeQueueSize > MAX_QUEUED_FRAMES) {
			this.#skipped++;
			picture.close();
			return;
		}
		this.#fit(picture);
		const keyFrame = timeMs - this.#lastKeyframeMs >= KEYFRAME_INTERVAL_MS;
		if (keyFrame) {
			this.#lastKeyframeMs = timeMs;
		}
		const stamped = new VideoFrame(picture, { timestamp: Math.round(timeMs * 1000) });
		this.#encoder.encode(stamped, { keyFrame });
		stamped.close();
		picture.close();
	}

	/** The next picture becomes a keyframe. */
	wantKeyframe(): void {
		this.#lastKeyframeMs = Number.NEGATIVE_INFINITY;
	}

	close(): void {
		if (this.#encoder.state !== 'closed') {
			this.#encoder.close();
		}
	}

	/** Sets the encoder up for the picture's size, made smaller to the chosen height; phones turn, windows are resized. */
	#fit({ displayWidth, displayHeight }: VideoFrame): void {
		const scale = Math.min(1, this.#maxHeight / Math.min(displayWidth, displayHeight));
		const width = even(displayWidth * scale);
		const height = even(displayHeight * scale);
		const size = `${width}x${height}`;
		if (size !== this.#size) {
			this.#size = size;
			this.#encoder.configure(configOf(this.#codec, width, height, this.#bitsPerSecond));
			this.wantKeyframe();
		}
	}
}

function configOf(codec: string, width: number, height: number, bitrate: number): VideoEncoderConfig {
	return { codec, width, height, bitrate, framerate: FRAME_RATE, latencyMode: 'realtime', avc: { format: 'avc' } };
}

function even(size: number): number {
	return Math.max(2, 2 * Math.round(size / 2));
}

/** A copy of what WebCodecs describes a decoder with. */
export function bytesOf(description: AllowSharedBufferSource): Uint8Array {
	return ArrayBuffer.isView(description)
		? new Uint8Array(description.buffer, description.byteOffset, description.byteLength).slice()
		: new Uint8Array(description).slice();
}
