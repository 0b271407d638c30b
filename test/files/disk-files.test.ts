import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DiskFiles, type Found } from '#src/files/disk-files.js';
import { closeRepresentation } from '#src/files/representation.js';
import { Counters } from '#src/metrics/counters.js';
import { until } from '../support/until.js';

const MEMORY = 1024 * 1024;

function setUp(t: TestContext, memory = MEMORY) {
	const top = mkdtempSync(path.join(tmpdir(), 'millrace-disk-'));
	t.after(() => rmSync(top, { recursive: true }));
	const root = path.join(top, 'root');
	mkdirSync(path.join(root, 'take-1'), { recursive: true });
	mkdirSync(path.join(top, 'root-beside'));
	const counters = new Counters();
	const files = new DiskFiles(memory, counters);
	const find = (local: string): Promise<Found | null> => files.find(local, [{ root, local }]);
	const text = async (local: string): Promise<string | null> => {
		const found = await find(local);
		return found?.kind === 'file' ? (found.representation.body as Buffer).toString() : null;
	};
	return { top, root, counters, files, find, text };
}

describe('files on the disk', () => {
	it('are read once for all who ask at the same time, and then come from memory', async (t) => {
		const { root, counters, text } = setUp(t);
		writeFileSync(path.join(root, 'a.m3u8'), 'one');
		assert.deepEqual(await Promise.all([text('/a.m3u8'), text('/a.m3u8'), text('/a.m3u8')]), ['one', 'one', 'one']);
		assert.equal(counters.get('fileCacheMisses'), 1);
		assert.equal(await text('/a.m3u8'), 'one');
		assert.equal(counters.get('fileCacheMisses'), 1);
		assert.equal(counters.get('fileCacheHits'), 1);
	});

	it('are seen to change: replaced, grown, gone, and back again', async (t) => {
		const { root, files, text } = setUp(t);
		const file = path.join(root, 'a.m3u8');
		writeFileSync(file, 'one');
		assert.equal(await text('/a.m3u8'), 'one');
		writeFileSync(`${file}.tmp`, 'two');
		renameSync(`${file}.tmp`, file);
		await until(() => files.hot('/a.m3u8') === null);
		assert.equal(await text('/a.m3u8'), 'two');
		rmSync(file);
		await until(() => files.hot('/a.m3u8') === null);
		assert.equal(await text('/a.m3u8'), null);
		writeFileSync(file, 'three');
		assert.equal(await text('/a.m3u8'), 'three');
	});

	it('never take more memory than they may', async (t) => {
		const { root, counters, text } = setUp(t, 10_000);
		for (let number = 0; number < 20; number++) {
			writeFileSync(path.join(root, `${number}.ts`), Buffer.alloc(2000));
			await text(`/${number}.ts`);
			assert.ok(counters.get('currentFileCacheBytes') <= 10_000);
		}
		assert.ok(counters.get('currentFileCacheBytes') > 6000);
	});

	it('come as open files when they are large, or grow while they are watched: one for each who asks', async (t) => {
		const { root, find } = setUp(t);
		writeFileSync(path.join(root, 'index.flv'), 'FLV');
		const found = await Promise.all([find('/index.flv'), find('/index.flv')]);
		const bodies = found.map((each) => {
			assert.ok(each?.kind === 'file');
			return each.representation;
		});
		assert.notEqual(bodies[0]?.body, bodies[1]?.body);
		await Promise.all(bodies.map(closeRepresentation));
	});

	it('are not found through links that lead out, hidden names, pipes, or names with an ending of their folder', async (t) => {
		const { top, root, text } = setUp(t);
		writeFileSync(path.join(top, 'secret.txt'), 'secret');
		writeFileSync(path.join(top, 'root-beside/secret.txt'), 'secret');
		writeFileSync(path.join(root, '.hidden'), 'secret');
		symlinkSync('../secret.txt', path.join(root, 'link.txt'));
		symlinkSync(top, path.join(root, 'up'));
		symlinkSync('../root-beside', path.join(root, 'beside'));
		symlinkSync('.hidden', path.join(root, 'shown.txt'));
		symlinkSync('loop.txt', path.join(root, 'loop.txt'));
		execFileSync('mkfifo', [path.join(root, 'pipe.txt')]);
		for (const local of [
			'/link.txt',
			'/up/secret.txt',
			'/beside/secret.txt',
			'/shown.txt',
			'/loop.txt',
			'/pipe.txt',
			'/none.txt',
			'/take-1',
			'/take-1/none',
			`/${'x'.repeat(300)}`,
		]) {
			assert.equal(await text(local), null, local);
		}
	});

	it('are found through links within the root; then even a segment may change under its name', async (t) => {
		const { top, root, find } = setUp(t);
		writeFileSync(path.join(root, 'take-1/segment_1.m4s'), 'one');
		symlinkSync('take-1', path.join(root, 'output_merge'));
		symlinkSync(root, path.join(top, 'linked-root'));
		const cacheControl = (found: Found | null): string =>
			found?.kind === 'file' ? found.representation.cacheControl : '';
		assert.match(cacheControl(await find('/take-1/segment_1.m4s')), /immutable/);
		assert.equal(cacheControl(await find('/output_merge/segment_1.m4s')), 'no-cache');
		const files = new DiskFiles(MEMORY, new Counters());
		const local = '/take-1/segment_1.m4s';
		assert.match(cacheControl(await files.find(local, [{ root: path.join(top, 'linked-root'), local }])), /immutable/);
	});

	it('are looked for at one place after the other', async (t) => {
		const { top, files } = setUp(t);
		mkdirSync(path.join(top, 'second'));
		writeFileSync(path.join(top, 'second/page.html'), 'page');
		const local = '/page.html';
		const found = await files.find(local, [
			{ root: path.join(top, 'missing'), local },
			{ root: path.join(top, 'second'), local },
		]);
		assert.ok(found?.kind === 'file');
	});

	it('are listed without the hidden ones', async (t) => {
		const { root, files } = setUp(t);
		writeFileSync(path.join(root, 'b.txt'), '');
		writeFileSync(path.join(root, '.hidden'), '');
		assert.deepEqual(await files.list({ root, local: '/' }), ['b.txt', 'take-1/']);
		assert.equal(await files.list({ root, local: '/b.txt' }), null);
		assert.equal(await files.list({ root, local: '/none/' }), null);
	});
});
