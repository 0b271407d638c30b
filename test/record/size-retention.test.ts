import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { flvOutput } from '#src/record/flv/output.js';
import { fmp4Output } from '#src/record/fmp4/output.js';
import { takesOverSize } from '#src/record/size-retention.js';

const take = (name: string, sizeBytes: number, changedMs: number) => ({ path: name, sizeBytes, changedMs });
const none = (_take: string): boolean => false;

describe('retention by size', () => {
	let root: string;
	beforeEach(async () => {
		root = await mkdtemp(path.join(tmpdir(), 'millrace-size-'));
	});
	afterEach(async () => {
		await rm(root, { recursive: true });
	});

	it('lets the oldest go until the rest fits, and never what is being written', () => {
		const takes = [take('new', 50, 3), take('old', 40, 1), take('open', 30, 0), take('middle', 20, 2)];
		const names = (maxBytes: number, isOpen = none): string[] =>
			takesOverSize(takes, maxBytes, isOpen).map(({ path }) => path);
		assert.deepEqual(names(140), []);
		assert.deepEqual(names(139), ['open']);
		assert.deepEqual(
			names(100, (name) => name === 'open'),
			['old'],
		);
		assert.deepEqual(
			names(0, (name) => name === 'open'),
			['old', 'middle', 'new'],
		);
	});

	it('knows FLV takes by size and age, but not the one that is recorded', async () => {
		for (const [index, name] of ['2026-01-01T00-00-00Z.flv', 'index.flv'].entries()) {
			await writeFile(path.join(root, name), Buffer.alloc(100 + index));
			await utimes(path.join(root, name), 1000 + index, 1000 + index);
		}
		const sizes = async (recording: boolean): Promise<number[]> =>
			(await flvOutput.listTakes!(root, recording)).map(({ sizeBytes }) => sizeBytes);
		assert.deepEqual(await sizes(true), [100]);
		assert.deepEqual(await sizes(false), [100, 101]);
		const [oldest] = await flvOutput.listTakes!(root, true);
		assert.equal(oldest?.changedMs, 1_000_000);
		await flvOutput.removeTake!(oldest!.path);
		assert.deepEqual(await readdir(root), ['index.flv']);
	});

	it('knows fMP4 takes with all that is in them, and removes their links', async () => {
		const stamp = '2026-01-01T00-00-00Z';
		for (const output of ['output_merge', 'output_separate']) {
			await mkdir(path.join(root, stamp, output), { recursive: true });
			await writeFile(path.join(root, stamp, output, 'segment_1.m4s'), Buffer.alloc(1000));
			await symlink(path.join(stamp, output), path.join(root, output));
		}
		const [kept] = await fmp4Output.listTakes!(root, false);
		assert.equal(kept?.path, path.join(root, stamp));
		assert.equal(kept?.sizeBytes, 2000);
		const sibling = path.join(root, '2026-01-02T00-00-00Z');
		await mkdir(sibling);
		await fmp4Output.removeTake!(kept!.path);
		assert.deepEqual(await readdir(root), [path.basename(sibling)]);
	});
});
