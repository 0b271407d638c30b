import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { removeOldHls } from '#src/hls/hls-retention.js';

describe('retention of HLS', () => {
	let root: string;
	let directory: string;
	const nowMs = 1_700_000_000_000;
	const isOpen = () => false;
	beforeEach(async () => {
		root = await mkdtemp(path.join(tmpdir(), 'millrace-hls-'));
		directory = path.join(root, 'a');
		await mkdir(directory);
		for (const file of ['index.m3u8', 'segment_1.ts']) {
			await writeFile(path.join(directory, file), 'x');
			await utimes(path.join(directory, file), nowMs / 1000 - 60, nowMs / 1000 - 60);
		}
	});
	afterEach(() => rm(root, { recursive: true }));

	it('removes a stream that has not been live for too long', async () => {
		const rule = { nowMs, recording: false, isOpen };
		assert.deepEqual(await removeOldHls(directory, { ...rule, maxAgeMs: 60_000 }), []);
		assert.deepEqual(await removeOldHls(directory, { ...rule, maxAgeMs: 59_000 }), [directory]);
		assert.deepEqual(await readdir(root), []);
	});

	it('leaves a stream alone that is live', async () => {
		assert.deepEqual(await removeOldHls(directory, { nowMs, recording: true, isOpen, maxAgeMs: 1 }), []);
	});
});
