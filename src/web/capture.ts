/** Chrome and Edge hand out a track's frames as a stream; it is in no standard library of types. */
declare const MediaStreamTrackProcessor: new (options: {
	track: MediaStreamTrack;
	maxBufferSize?: number;
}) => {
	readable: ReadableStream<VideoFrame | AudioData>;
};

export type CaptureOptions = { source: 'camera' | 'screen'; height: number; sound: boolean };

const FRAME_RATE = 30;
const WIDE = 16 / 9;
/** A busy page is waited for: sound for 2 s in pieces of 10 ms, pictures only as many as an encoder may hold. */
const MAX_WAITING_SOUNDS = 200;
const MAX_WAITING_PICTURES = 3;
/** Names of the browser's refusals, and what a person can do about them. */
const REFUSALS: Readonly<Record<string, string>> = {
	NotFoundError: 'This device has no camera or microphone that could be used.',
	NotAllowedError:
		'The browser was not allowed to use camera, microphone or screen. Allow it beside the address of this page.',
	NotReadableError: 'Camera or microphone is in use by another program.',
	OverconstrainedError: 'No camera fits the chosen picture.',
};

/** Asks the user for camera or screen. Throws an Error that tells the user why there is none. */
export async function capture({ source, height, sound }: CaptureOptions): Promise<MediaStream> {
	if (navigator.mediaDevices === undefined) {
		throw new Error('Browsers give cameras and screens only to pages that came by HTTPS or from localhost.');
	}
	const size = { height: { ideal: height }, width: { ideal: Math.round(height * WIDE) } };
	const video = { ...size, frameRate: { ideal: FRAME_RATE, max: FRAME_RATE } };
	try {
		return source === 'camera'
			? await navigator.mediaDevices.getUserMedia({ video, audio: sound })
			: await navigator.mediaDevices.getDisplayMedia({ video, audio: sound });
	} catch (error) {
		if (error instanceof DOMException) {
			throw new Error(REFUSALS[error.name] ?? error.message);
		}
		throw error;
	}
}

/** Hands every picture of `track` to `take`, which closes it. @returns what stops it. */
export function readVideo(track: MediaStreamTrack, preview: HTMLVideoElement, take: (frame: VideoFrame) => void) {
	if ('MediaStreamTrackProcessor' in window) {
		return readProcessor(track, (frame) => take(frame as VideoFrame));
	}
	// Elsewhere the preview is photographed, which stops while its tab is hidden.
	let handle = 0;
	const photograph: VideoFrameRequestCallback = (now) => {
		take(new VideoFrame(preview, { timestamp: now * 1000 }));
		handle = preview.requestVideoFrameCallback(photograph);
	};
	handle = preview.requestVideoFrameCallback(photograph);
	return () => preview.cancelVideoFrameCallback(handle);
}

/** Hands the sound of `track` to `take`, which closes it. @returns what stops it. */
export function readAudio(track: MediaStreamTrack, take: (data: AudioData) => void): () => void {
	if ('MediaStreamTrackProcessor' in window) {
		return readProcessor(track, (data) => take(data as AudioData));
	}
	return readWorklet(track, take);
}

function readProcessor(track: MediaStreamTrack, take: (data: VideoFrame | AudioData) => void): () => void {
	const maxBufferSize = track.kind === 'audio' ? MAX_WAITING_SOUNDS : MAX_WAITING_PICTURES;
	const reader = new MediaStreamTrackProcessor({ track, maxBufferSize }).readable.getReader();
	const pump = async (): Promise<void> => {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) {
				return;
			}
			take(value);
		}
	};
	void pump();
	return () => void reader.cancel();
}

/** Blocks of 128 samples, gathered so that not every one of them becomes a message to the encoder. */
const WORKLET_BLOCKS = 8;

function readWorklet(track: MediaStreamTrack, take: (data: AudioData) => void): () => void {
	const context = new AudioContext();
	let blocks: Float32Array[][] = [];
	let samples = 0;
	const start = async (): Promise<void> => {
		await context.audioWorklet.addModule(new URL('./audio-tap.js', import.meta.url));
		const tap = new AudioWorkletNode(context, 'tap', { numberOfOutputs: 0 });
		tap.port.onmessage = ({ data: channels }: MessageEvent<Float32Array[]>) => {
			blocks.push(channels);
			if (blocks.length === WORKLET_BLOCKS) {
				const data = audioData(blocks, context.sampleRate, (samples / context.sampleRate) * 1e6);
				samples += data.numberOfFrames;
				blocks = [];
				take(data);
			}
		};
		context.createMediaStreamSource(new MediaStream([track])).connect(tap);
	};
	void start();
	return () => void context.close();
}

function audioData(blocks: readonly Float32Array[][], sampleRate: number, timestamp: number): AudioData {
	const numberOfChannels = blocks[0]!.length;
	const blockSamples = blocks[0]![0]!.length;
	const planes = new Float32Array(numberOfChannels * blocks.length * blockSamples);
	for (let channel = 0; channel < numberOfChannels; channel++) {
		for (const [index, block] of blocks.entries()) {
			planes.set(block[channel]!, (channel * blocks.length + index) * blockSamples);
		}
	}
	const numberOfFrames = blocks.length * blockSamples;
	return new AudioData({ format: 'f32-planar', sampleRate, numberOfChannels, numberOfFrames, timestamp, data: planes });
}
