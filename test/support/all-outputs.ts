import { DiskGauge } from '#src/record/disk/disk-gauge.js';
import { takeDirectory } from '#src/record/flv/take-directory.js';
import type { Recorder, RecorderEvent } from '#src/record/output.js';
import { OUTPUT_NAMES, OUTPUTS, type OutputName } from '#src/record/outputs.js';
import { RecorderFigures } from '#src/record/recorder-figures.js';
import { streamName } from '#src/stream-name.js';
import { testConfig } from './config.js';

export type RecordedOutput = {
	output: OutputName;
	directory: string;
	recorder: Recorder;
	figures: RecorderFigures;
	events: RecorderEvent[];
	/** Takes that have to be finished. */
	takes: string[];
};

/** A recorder of each kind for the stream `live/{name}` in `ring`, all to be stepped by hand. */
export function recordEverything(
	ring: SharedArrayBuffer,
	media: string,
	name: string,
	overrides: Record<string, unknown> = {},
): RecordedOutput[] {
	const config = testConfig({ media, ...overrides });
	return OUTPUT_NAMES.map((output) => {
		const directory = takeDirectory(media, OUTPUTS[output].folder, streamName('live', name));
		const figures = new RecorderFigures();
		const events: RecorderEvent[] = [];
		const takes: string[] = [];
		const recorder = OUTPUTS[output].makeRecorder({
			...{ ring, name: streamName('live', name), directory, config, figures },
			disk: new DiskGauge(),
			report: (event) => events.push(event),
			takeBegan: (take) => void takes.push(take),
			takeEnded: () => undefined,
		});
		return { output, directory, recorder, figures, events, takes };
	});
}

/** Lets each of them take a step. @returns true when all are over. */
export async function advanceAll(outputs: readonly RecordedOutput[]): Promise<boolean> {
	const over = await Promise.all(outputs.map(({ recorder }) => recorder.advance()));
	return over.every(Boolean);
}

export async function finishTakes(outputs: readonly RecordedOutput[]): Promise<void> {
	for (const { output, takes } of outputs) {
		for (const take of takes) {
			await OUTPUTS[output].finishTake?.(take);
		}
	}
}
