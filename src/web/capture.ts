/** Chrome and Edge hand out a track's frames as a stream; it is in no standard library of types. */
declare const MediaStreamTrackProcessor: new (options: {
	track: MediaStreamTrack;
}) => {
	readable: ReadableStream<VideoFrame | AudioData>;
};

export type CaptureOptions = { source: 'camera' | 'screen'; height: number; sound: boolean };

const FRAME_RATE = 30;
const WIDE = 16 / 9;

/** Asks the user for camera or screen. Throws what the browser throws when the user refuses. */
export async function capture({ source, height, sound }: CaptureOptions): Promise<MediaStream> {
	if (navigator.mediaDevices === undefined) {
		throw new Error('Browsers give cameras and screens only to pages that came by HTTPS or from localhost.');
	}
	const size = { height: { ideal: height }, width: { ideal: Math.round(height * WIDE) } };
	const video = { ...size, frameRate: { ideal: FRAME_RATE, max: FRAME_RATE } };
	return source === 'camera'
		? navigator.mediaDevices.getUserMedia({ video, audio: sound })
		: navigator.mediaDevices.getDisplayMedia({ video, audio: sound });
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
	const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
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

const WORKLET_SOURCE = `registerProcessor('tap', class extends AudioWorkletProcessor {
	process([channels]) {
		if (channels.length > 0) this.port.postMessage(channels);
		return true;
	}
});`;

/** Blocks of 128 samples, gathered so that not every one of them becomes a message to the encoder. */
const WORKLET_BLOCKS = 8;

function readWorklet(track: MediaStreamTrack, take: (data: AudioData) => void): () => void {
	const context = new AudioContext();
	let blocks: Float32Array[][] = [];
	let samples = 0;
	const start = async (): Promise<void> => {
		const module = URL.createObjectURL(new Blob([WORKLET_SOURCE], { type: 'text/javascript' }));
		await context.audioWorklet.addModule(module);
		URL.revokeObjectURL(module);
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
