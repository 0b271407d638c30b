import { type MessagePort, threadId } from 'node:worker_threads';
import type { Config } from '../config/schema.js';
import type { StreamName } from '../stream-name.js';
import { DiskGauge } from './disk/disk-gauge.js';
import { StallWatch } from './disk/stall-watch.js';
import type { Output, RecorderEvent } from './output.js';
import { RecorderFigures } from './recorder-figures.js';
import { Ticker } from './ticker.js';

/** The data with which a recording starts in a remux thread. */
export type RecordingTask = {
	ring: SharedArrayBuffer;
	name: StreamName;
	directory: string;
	config: Config;
	/** RecorderFigures. */
	figures: SharedArrayBuffer;
	/** DiskGauge. */
	disk: SharedArrayBuffer;
	/** RecordingCommand in, RecorderMessage out. Closed at the end. */
	port: MessagePort;
};

export type RecordingCommand =
	| { type: 'ring'; ring: SharedArrayBuffer }
	/** The server is about to stop, and the stream will end with it. */
	| { type: 'server-stops' }
	/** The stream has ended: do not wait for the next tick. */
	| { type: 'ended' }
	/** Finish the take though the stream goes on. */
	| { type: 'stop' };

export type RecorderMessage =
	| ({ type: 'event' } & RecorderEvent)
	| { type: 'take-began'; take: string }
	| { type: 'take-ended' };

const ticker = new Ticker();

/** Records one output of one stream in this thread, beside any number of others; resolves when the recording is over. */
export async function record(output: Output, task: RecordingTask): Promise<void> {
	const { ring, name, directory, config, port } = task;
	const figures = new RecorderFigures(task.figures);
	figures.set('threadId', threadId);
	const tell = (message: RecorderMessage): void => port.postMessage(message);
	const recorder = output.makeRecorder({
		...{ ring, name, directory, config, figures },
		disk: new DiskGauge(task.disk),
		report: (event) => tell({ type: 'event', ...event }),
		takeBegan: (take) => tell({ type: 'take-began', take }),
		takeEnded: () => tell({ type: 'take-ended' }),
	});
	const watch = new StallWatch((event) => tell({ type: 'event', ...event }));
	const repetition = ticker.repeat(
		() => watch.during(recorder.advance()),
		() => {
			figures.add('beats', 1);
			watch.look();
		},
	);
	port.on('message', (command: RecordingCommand) => {
		switch (command.type) {
			case 'ring':
				recorder.replaceRing(command.ring);
				return;
			case 'server-stops':
				recorder.serverStops?.();
				return;
			case 'stop':
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
