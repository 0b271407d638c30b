import { parentPort, workerData } from 'node:worker_threads';
import { distance, RecordFlag, RecordKind } from '#src/ring/layout.js';
import { type HeaderSlot, RingWriter } from '#src/ring/ring-writer.js';
import { patternBody } from './ring-model.js';
import { type RingThreadData, type RingThreadNews, ThreadWord } from './ring-thread-data.js';

// A thread that writes a ring as fast as it can, until it is told to stop or is fenced.

const KEYFRAME_EVERY = 20;
const GROW_EVERY = 300;
const MAX_GROWN_BYTES = 1024 * 1024;

const { ring, epoch, control, task } = workerData as RingThreadData;
const words = new Int32Array(control);
let writer = RingWriter.attach(ring, epoch);
let frames = 0;
let state = 12_345;

/** A small generator of our own: the same lengths in every run. */
function random(below: number): number {
	state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
	return (state >>> 8) % below;
}

function writeNext(): boolean {
	const frameNumber = frames + 1;
	const isKey = frameNumber % KEYFRAME_EVERY === 0;
	const kind = isKey || random(2) === 0 ? RecordKind.video : RecordKind.audio;
	// Mostly small records, now and then the largest that fits.
	const length = random(10) === 0 ? writer.maxBodyBytes - random(3) : random(200);
	const body = patternBody(frameNumber, length);
	const written = writer.write(kind, isKey ? RecordFlag.keyframe : 0, 0, frameNumber * 10, body);
	frames += written ? 1 : 0;
	return written;
}

function flood(): 'stopped' | 'fenced' {
	while (Atomics.load(words, ThreadWord.stop) === 0) {
		if (!writeNext()) {
			return 'fenced';
		}
	}
	return 'stopped';
}

function grow(): 'stopped' | 'fenced' {
	while (Atomics.load(words, ThreadWord.stop) === 0) {
		if (frames > 0 && frames % GROW_EVERY === 0 && writer.capacityBytes < MAX_GROWN_BYTES) {
			writer = writer.grow(writer.capacityBytes * 2);
			parentPort!.postMessage({ grown: writer.ring } satisfies RingThreadNews);
		}
		while (distance(Atomics.load(words, ThreadWord.cursor), writer.tail) > writer.capacityBytes / 32) {
			if (Atomics.load(words, ThreadWord.stop) !== 0) {
				return 'stopped';
			}
		}
		if (!writeNext()) {
			return 'fenced';
		}
	}
	return 'stopped';
}

function headers(): 'stopped' | 'fenced' {
	for (let seed = 1; Atomics.load(words, ThreadWord.stop) === 0; seed++) {
		const slots: HeaderSlot[] = Array.from({ length: 1 + random(16) }, (_, index) => ({
			kind: RecordKind.videoHeader,
			trackId: index,
			body: patternBody(seed, 4 + random(3000)),
		}));
		if (!writer.setHeaders(slots)) {
			return 'fenced';
		}
	}
	return 'stopped';
}

const tasks = { flood, grow, headers };
const done = tasks[task]();
parentPort!.postMessage({ done, frames } satisfies RingThreadNews);
