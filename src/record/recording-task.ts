import { type MessagePort, threadId } from 'node:worker_threads';
import { DiskGauge } from './disk-gauge.js';
import { FlvRecorder, type RecorderEvent } from './flv-recorder.js';
import { openFmp4Output } from './fmp4-output.js';
import { openHlsOutput } from './hls-segment-output.js';
import { RecorderFigures } from './recorder-figures.js';
import { SegmentRecorder } from './segment-recorder.js';
import { Ticker } from './ticker.js';

/** The independent outputs of a stream, each with a switch of its own. */
export const OUTPUTS = ['flv', 'fmp4', 'hls'] as const;
export type Output = (typeof OUTPUTS)[number];

/** How segments are made; of no meaning to FLV. */
export type SegmentSettings = {
	targetMs: number;
	maxMs: number;
	/** Of the HLS playlist; 0 = everything. */
	windowMs: number;
	/** HLS segments that share an AES-128 key; 0 = not encrypted. */
	segmentsPerKey: number;
};

/** What a recording needs, as it crosses to a remux thread. */
export type RecordingTask = {
	output: Output;
	segments: SegmentSettings;
	ring: SharedArrayBuffer;
	/** Directory of the stream's takes. */
	directory: string;
	/** RecorderFigures. */
	figures: SharedArrayBuffer;
	/** DiskGauge. */
	disk: SharedArrayBuffer;
	/** RecordingCommand in, RecorderMessage out. Closed at the end. */
	port: MessagePort;
};

export type RecordingCommand =
	| { type: 'ring'; ring: SharedArrayBuffer }
	/** The stream has ended: do not wait for the next tick. */
	| { type: 'ended' }
	/** Finish the take though the stream goes on. */
	| { type: 'stop' };

export type RecorderMessage =
	| ({ type: 'event' } & RecorderEvent)
	/** A take of segments has its directory. */
	| { type: 'take-began'; directory: string }
	/** Nothing more is written to it: it is to be finished by a task of its own. */
	| { type: 'take-ended'; directory: string };

type Recorder = {
	advance(): Promise<boolean>;
	replaceRing(ring: SharedArrayBuffer): void;
	stop(): void;
};

/**
 * Fragments of a recording: a crash loses no more than the one being written, and memory holds no more than one of each stream.
 */
const FRAGMENT_MS = 1000;

const ticker = new Ticker();

/** Records one stream in this thread, beside any number of others; resolves when the recording is over. */
export async function record(task: RecordingTask): Promise<void> {
	const { port } = task;
	const figures = new RecorderFigures(task.figures);
	figures.set('threadId', threadId);
	const recorder = makeRecorder(task, figures);
	const repetition = ticker.repeat(
		() => recorder.advance(),
		() => figures.add('beats', 1),
	);
	port.on('message', (command: RecordingCommand) => {
		if (command.type === 'ring') {
			recorder.replaceRing(command.ring);
			return;
		}
		if (command.type === 'stop') {
			recorder.stop();
		}
		repetition.now();
	});
	try {
		await repetition.over;
	} finally {
		port.close();
	}
}

function makeRecorder(task: RecordingTask, figures: RecorderFigures): Recorder {
	const { output, ring, directory, segments, port } = task;
	const tell = (message: RecorderMessage): void => port.postMessage(message);
	const report = (event: RecorderEvent): void => tell({ type: 'event', ...event });
	const parts = { ring, figures, disk: new DiskGauge(task.disk), report };
	const { targetMs, maxMs, windowMs, segmentsPerKey } = segments;
	switch (output) {
		case 'flv':
			return new FlvRecorder({ ...parts, directory });
		case 'fmp4':
			return new SegmentRecorder({
				...parts,
				what: 'fMP4 recording',
				policy: { targetMs, maxMs, partMs: FRAGMENT_MS },
				open: (startedAtMs) =>
					openFmp4Output(directory, startedAtMs, {
						began: (take) => tell({ type: 'take-began', directory: take }),
						ended: (take) => tell({ type: 'take-ended', directory: take }),
					}),
			});
		case 'hls':
			return new SegmentRecorder({
				...parts,
				what: 'HLS',
				policy: { targetMs, maxMs },
				open: (startedAtMs) => openHlsOutput(directory, { windowMs, segmentsPerKey, startedAtMs }),
			});
	}
}
