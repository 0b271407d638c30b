import { type MessagePort, threadId } from 'node:worker_threads';
import { DiskGauge } from './disk-gauge.js';
import { FlvRecorder, type RecorderEvent } from './flv-recorder.js';
import { RecorderFigures } from './recorder-figures.js';
import { Ticker } from './ticker.js';

/** What a recording needs, as it crosses to a remux thread. */
export type FlvRecordingTask = {
	ring: SharedArrayBuffer;
	/** Directory of the stream's takes. */
	directory: string;
	/** RecorderFigures. */
	figures: SharedArrayBuffer;
	/** DiskGauge. */
	disk: SharedArrayBuffer;
	/** RecordingCommand in, RecorderEvent out. Closed at the end. */
	port: MessagePort;
};

export type RecordingCommand =
	| { type: 'ring'; ring: SharedArrayBuffer }
	/** The stream has ended: do not wait for the next tick. */
	| { type: 'ended' }
	/** Finish the take though the stream goes on. */
	| { type: 'stop' };

const ticker = new Ticker();

/** Records one stream in this thread, beside any number of others; resolves when the recording is over. */
export async function recordFlv({ ring, directory, figures, disk, port }: FlvRecordingTask): Promise<void> {
	const shared = new RecorderFigures(figures);
	shared.set('threadId', threadId);
	const recorder = new FlvRecorder({
		ring,
		directory,
		figures: shared,
		disk: new DiskGauge(disk),
		report: (event) => port.postMessage(event satisfies RecorderEvent),
	});
	const repetition = ticker.repeat(
		() => recorder.advance(),
		() => shared.add('beats', 1),
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
