import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DiskGauge } from '#src/record/disk/disk-gauge.js';
import { flvOutput } from '#src/record/flv/output.js';
import { recordedStreams, recoverTake } from '#src/record/flv/recovery.js';
import { RecorderFigures } from '#src/record/recorder-figures.js';
import { streamName } from '#src/stream-name.js';
import { testConfig } from '../../support/config.js';
import { type FlvFile, readFlvFile } from '../../support/flv-file.js';
import { RingFeed } from '../../support/ring-feed.js';

describe('recovery of a take', () => {
	let root: string;
	let unfinished: string;
	let finished: string;
	let whole: FlvFile;
	before(async () => {
		root = await mkdtemp(path.join(tmpdir(), 'millrace-recovery-'));
		unfinished = path.join(root, 'unfinished.flv');
		finished = path.join(root, 'flv', 'live', 'a', 'index.flv');
		const feed = new RingFeed().open({}, { width: 640 }).gops(0, 3_000);
		const recorder = flvOutput.makeRecorder({
			ring: feed.ring,
			directory: path.dirname(finished),
			...{
				name: streamName('live', 'a'),
				config: testConfig(),
				takeBegan: () => undefined,
				takeEnded: () => undefined,
			},
			figures: new RecorderFigures(),
			disk: new DiskGauge(),
			report: () => undefined,
		});
		await recorder.advance();
		await copyFile(finished, unfinished);
		recorder.stop();
		await recorder.advance();
		whole = readFlvFile(finished);
	});
	after(() => rm(root, { recursive: true }));

	/** A copy of the unfinished take, cut to `length` bytes. */
	async function cut(length: number): Promise<string> {
		const file = path.join(root, 'cut.flv');
		await copyFile(unfinished, file);
		await truncate(file, length);
		return file;
	}

	it('finishes a take that nobody has finished, just as its recorder would have', async () => {
		const file = await cut(whole.sizeBytes);
		const state = await recoverTake(file);
		assert.deepEqual(state?.recovered, { durationMs: 2950, sizeBytes: whole.sizeBytes });
		assert.deepEqual(await readFile(file), await readFile(finished));
	});

	it('cuts a take at its last whole tag, wherever the crash was', async () => {
		const [, , ...frames] = whole.tags;
		const lastTag = frames.at(-1)?.position ?? 0;
		const nextToLast = frames.at(-2)?.position ?? 0;
		for (let length = nextToLast + 1; length <= whole.sizeBytes; length++) {
			const state = await recoverTake(await cut(length));
			const expected = length === whole.sizeBytes ? whole.sizeBytes : length < lastTag ? nextToLast : lastTag;
			assert.equal(state?.recovered?.sizeBytes, expected, `cut at ${length}`);
		}
		const file = readFlvFile(await cutAndRecover(lastTag - 1));
		assert.deepEqual(file.tags, whole.tags.slice(0, -2));
		assert.deepEqual(file.keyframes, whole.keyframes);
		assert.equal(file.metadata['width'], 640);
	});

	it('cuts a take at zeros that a power cut has left', async () => {
		const file = path.join(root, 'zeros.flv');
		await writeFile(file, Buffer.concat([await readFile(unfinished), Buffer.alloc(10_000)]));
		assert.equal((await recoverTake(file))?.recovered?.sizeBytes, whole.sizeBytes);
	});

	it('recovers once, and then knows that it has', async () => {
		const file = await cutAndRecover(whole.sizeBytes - 3);
		const { size } = await stat(file);
		assert.equal((await recoverTake(file))?.recovered, null);
		assert.equal((await stat(file)).size, size);
	});

	it('finishes a take that died while it was finished', async () => {
		const file = await cut(whole.sizeBytes);
		const bytes = await readFile(file);
		(await readFile(finished)).copy(bytes, 200, 200, whole.tags[0]?.position);
		await writeFile(file, bytes);
		assert.equal((await recoverTake(file))?.recovered?.durationMs, 2950);
		assert.deepEqual(readFlvFile(file).keyframes, whole.keyframes);
		assert.equal(readFlvFile(file).metadata['filesize'], whole.sizeBytes);
	});

	it('leaves files of others and missing files alone', async () => {
		const foreign = path.join(root, 'foreign.flv');
		const bytes = Buffer.from('464c5601050000000900000000120000', 'hex');
		await writeFile(foreign, bytes);
		assert.equal((await recoverTake(foreign))?.recovered, null);
		assert.deepEqual(await readFile(foreign), bytes);
		assert.equal(await recoverTake(path.join(root, 'missing.flv')), null);
	});

	it('lists the streams that have takes', async () => {
		const found = [];
		for await (const stream of recordedStreams(path.join(root, 'flv'))) {
			found.push(stream);
		}
		assert.deepEqual(found, [streamName('live', 'a')]);
	});

	async function cutAndRecover(length: number): Promise<string> {
		const file = await cut(length);
		await recoverTake(file);
		return file;
	}
});
