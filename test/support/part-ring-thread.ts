import { workerData } from 'node:worker_threads';
import { PartKind } from '#src/ring/part-layout.js';
import { PartRingWriter } from '#src/ring/part-ring-writer.js';

/** The data that this thread works on; `stop` is an Int32Array(1). */
export type PartRingThreadData = { ring: SharedArrayBuffer; stop: SharedArrayBuffer };

/** The payload of a part: its number in every word, so that a torn copy shows. */
export function partPattern(number: number): Uint8Array {
	const words = new Uint32Array(16 + (number % 200)).fill(number);
	return new Uint8Array(words.buffer);
}

export const PARTS_OF_SEGMENT = 5;

/** Writes segments of numbered parts without a pause, until told to stop. */
export function floodParts({ ring, stop }: PartRingThreadData): void {
	const writer = PartRingWriter.attach(ring);
	const words = new Int32Array(stop);
	for (let number = 0; Atomics.load(words, 0) === 0; number++) {
		const msn = 1 + Math.floor(number / PARTS_OF_SEGMENT);
		const index = number % PARTS_OF_SEGMENT;
		if (index === 0) {
			writer.write({ kind: PartKind.segment, msn, index: msn }, [partPattern(msn)]);
		}
		writer.write({ kind: PartKind.part, msn, index, time: number }, [partPattern(number)]);
		if (index === PARTS_OF_SEGMENT - 1) {
			writer.write({ kind: PartKind.close, msn, time: msn });
		}
	}
}

if (workerData !== null && 'stop' in (workerData as object)) {
	floodParts(workerData as PartRingThreadData);
}
