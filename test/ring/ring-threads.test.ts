import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { distance, type Position, RecordFlag, RecordKind, StreamFlag } from '#src/ring/layout.js';
import { RingControl } from '#src/ring/ring-control.js';
import { LAPPED, RingReader } from '#src/ring/ring-reader.js';
import { RingWriter } from '#src/ring/ring-writer.js';
import { checkPattern, patternBody } from '../support/ring-model.js';
import { type RingThreadData, type RingThreadNews, ThreadWord } from '../support/ring-thread-data.js';

const EVERYTHING = 2 ** 30;
/** Starts shortly before positions wrap, so that they do while the test runs. */
const START: Position = 2 ** 31 - 500;

/** A ring and a thread that writes it. */
class Scene {
	readonly worker: Worker;
	readonly words: Int32Array;
	readonly news: RingThreadNews[] = [];
	reader: RingReader;

	constructor(capacityBytes: number, task: RingThreadData['task'], start: Position = START) {
		const ring = RingWriter.allocate(capacityBytes, start);
		const epoch = new RingControl(ring).grantWriter();
		RingWriter.attach(ring, epoch).setFlags(StreamFlag.hasVideo);
		const control = new SharedArrayBuffer(8);
		this.words = new Int32Array(control);
		Atomics.store(this.words, ThreadWord.cursor, start);
		this.reader = new RingReader(ring);
		const workerData: RingThreadData = { ring, epoch, control, task };
		this.worker = new Worker(new URL('../support/ring-thread.js', import.meta.url), { workerData });
		this.worker.on('message', (message: RingThreadNews) => this.news.push(message));
	}

	/** Tells the writer to stop, and waits until it has. */
	async stop(): Promise<{ done: 'stopped' | 'fenced'; frames: number }> {
		Atomics.store(this.words, ThreadWord.stop, 1);
		for (;;) {
			const last = this.news.at(-1);
			if (last !== undefined && 'done' in last) {
				return last;
			}
			await once(this.worker, 'message');
		}
	}
}

let scene: Scene | null = null;
afterEach(async () => {
	await scene?.worker.terminate();
	scene = null;
});

describe('with a writer in another thread that waits for nobody', () => {
	it('a reader gets whole records in order, or knows that it was lapped', async () => {
		scene = new Scene(16 * 1024, 'flood');
		const { reader } = scene;
		const capacityUnits = (16 * 1024) / 8;
		let cursor: Position | null = null;
		let expected = 0;
		let whole = 0;
		let lapped = 0;
		let starts = 0;
		while (whole < 10_000 || lapped < 300 || starts < 50) {
			if (cursor === null) {
				cursor = reader.startPosition(0);
				expected = 0;
				if (cursor === null) {
					await new Promise(setImmediate);
					continue;
				}
				const first = reader.read(cursor, 0);
				if (first !== LAPPED && first !== null) {
					starts += 1;
					const { kind, flags } = first.records[0]!;
					assert.ok(kind === RecordKind.video && (flags & RecordFlag.keyframe) !== 0, 'a start that is no keyframe');
				}
			}
			// Read as late as possible, when the writer is about to overwrite what is copied: every second time.
			let { tail } = reader;
			while (whole % 2 === 0 && distance(cursor, tail) < capacityUnits * 0.8) {
				tail = reader.tail;
			}
			const batch = reader.read(cursor, EVERYTHING);
			if (batch === LAPPED) {
				lapped += 1;
				cursor = null;
			} else if (batch !== null) {
				checkPattern(batch);
				for (const { frameNumber } of batch.records) {
					assert.ok(expected === 0 || frameNumber === expected, `frame ${frameNumber} instead of ${expected}`);
					expected = (frameNumber + 1) | 0;
				}
				whole += batch.records.length;
				cursor = batch.next;
			}
		}
		assert.equal((await scene.stop()).done, 'stopped');
	});

	it('headers come whole from one version while they are replaced without a pause', async () => {
		scene = new Scene(16 * 1024, 'headers');
		const { reader } = scene;
		const versions = new Set<number>();
		while (versions.size < 1000) {
			const { version, slots } = reader.readHeaders();
			if (slots.length === 0) {
				continue; // before the first, or a thread that was held up in the middle for long
			}
			const seed = patternSeed(slots[0]!.body[0]!);
			for (const [index, { trackId, body }] of slots.entries()) {
				assert.equal(trackId, index);
				assert.equal(Buffer.compare(body, patternBody(seed, body.length)), 0, 'headers of two versions mixed');
			}
			versions.add(version);
		}
		assert.equal((await scene.stop()).done, 'stopped');
	});

	it('fencing stops it between two records, and its successor goes on without a gap', async () => {
		scene = new Scene(64 * 1024, 'flood');
		const { reader, worker, news } = scene;
		while (reader.tail === START) {
			await new Promise(setImmediate);
		}
		const control = new RingControl(reader.ring);
		const epoch = control.grantWriter();
		while (news.length === 0) {
			await once(worker, 'message');
		}
		const last = news[0]!;
		assert.ok('done' in last && last.done === 'fenced');
		const successor = RingWriter.attach(reader.ring, epoch);
		const cursor = successor.tail;
		for (let frame = last.frames + 1; frame <= last.frames + 20; frame++) {
			assert.equal(successor.write(RecordKind.audio, 0, 0, frame * 10, patternBody(frame, 30)), true);
		}
		const batch = reader.read(cursor, EVERYTHING);
		assert.ok(batch !== null && batch !== LAPPED);
		checkPattern(batch);
		assert.equal(batch.records[0]!.frameNumber, last.frames + 1);
		assert.equal(batch.records.length, 20);
	});
});

describe('a ring that grows while it is written and read', () => {
	it('loses, repeats and tears nothing, and cursors go over', async () => {
		scene = new Scene(16 * 1024, 'grow');
		let { reader } = scene;
		let cursor: Position = START;
		let frames = 0;
		let rings = 1;
		while (frames < 5000 || rings < 7) {
			const batch = reader.read(cursor, EVERYTHING);
			assert.notEqual(batch, LAPPED, 'the writer keeps to its distance');
			if (batch !== null && batch !== LAPPED) {
				checkPattern(batch);
				for (const { frameNumber } of batch.records) {
					frames += 1;
					assert.equal(frameNumber, frames);
				}
				cursor = batch.next;
				Atomics.store(scene.words, ThreadWord.cursor, cursor);
			} else if (reader.replaced) {
				const next = await nextRing(scene, rings - 1);
				reader = new RingReader(next);
				rings += 1;
			} else {
				await reader.waitBeyond(cursor, 50);
			}
		}
		assert.equal((await scene.stop()).done, 'stopped');
	});

	async function nextRing({ worker, news }: Scene, index: number): Promise<SharedArrayBuffer> {
		for (;;) {
			const message = news[index];
			if (message !== undefined && 'grown' in message) {
				return message.grown;
			}
			await once(worker, 'message');
		}
	}
});

/** The seed of a pattern whose first byte is `first`, modulo 256: all that the pattern depends on. */
function patternSeed(first: number): number {
	for (let seed = 0; seed < 256; seed++) {
		if (patternBody(seed, 1)[0] === first) {
			return seed;
		}
	}
	return assert.fail(`no seed gives ${first}`);
}
