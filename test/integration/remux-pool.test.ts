import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { pino } from 'pino';
import { RemuxPool } from '#src/process/remux-pool.js';
import { until } from '../support/until.js';

const log = pino({ level: 'silent' });

describe('remux pool', () => {
	let pool: RemuxPool | null = null;
	afterEach(() => pool?.close());

	function start(entry: string, threads = 1) {
		const created = new RemuxPool({ threads, log, entry: new URL(`../support/${entry}`, import.meta.url) });
		pool = created;
		return (directory: string) => created.run({ type: 'recover', output: 'flv', directory });
	}

	it('runs any number of tasks at once in a thread', async () => {
		const run = start('fake-remux.js');
		const pending = Array.from({ length: 200 }, () => run('forever').catch(() => 'ended'));
		assert.equal(await run('x'), 'x');
		await pool?.close();
		assert.deepEqual(new Set(await Promise.all(pending)), new Set(['ended']));
	});

	it('brings the code and the stack of a failure across, and hurts no other task', async () => {
		const run = start('fake-remux.js');
		const other = run('forever').catch((error: unknown) => error);
		await assert.rejects(run('fail'), { code: 'ENOSPC', message: 'told to fail', stack: 'the stack' });
		assert.equal(await Promise.race([other, run('x')]), 'x');
	});

	it('rejects the tasks of a thread that crashes and replaces it', async () => {
		const run = start('fake-remux.js');
		const other = assert.rejects(run('forever'), { code: 'THREAD_LOST', message: 'told to crash' });
		await assert.rejects(run('crash'), { code: 'THREAD_LOST' });
		await other;
		assert.equal(await run('x'), 'x');
	});

	it('kills a thread that hangs, and replaces it', async () => {
		const run = start('fake-remux.js');
		const threadId = Number(await run('thread'));
		const hung = assert.rejects(run('hang'), { code: 'THREAD_LOST' });
		pool?.killThread(threadId);
		await hung;
		assert.notEqual(await run('thread'), threadId);
	});

	it('starts anew when its threads could not be loaded, as Piscina does not', async () => {
		const directory = await mkdtemp(path.join(tmpdir(), 'millrace-pool-'));
		const marker = path.join(directory, 'broken');
		process.env['MILLRACE_TEST_BROKEN'] = marker;
		const run = start('fake-remux-broken.js');
		assert.equal(await run('x'), 'x');
		await writeFile(marker, '');
		await assert.rejects(run('crash'), { code: 'THREAD_LOST' });
		// Its replacement fails while it is loaded, and Piscina gives up.
		await assert.rejects(run('y'), { code: 'THREAD_LOST' });
		await rm(directory, { recursive: true });
		await until('it has started anew', async () => (await run('z').catch(() => null)) === 'z');
	});
});
