import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, read, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { LineSink } from '#src/log/line-sink.js';
import { LineSplitter } from '#src/log/line-splitter.js';
import { loggerTo } from '#src/log/logger.js';
import { prettyLines } from '#src/log/pretty.js';

describe('log lines', () => {
	it('are whole again wherever the text was cut', () => {
		const text = '{"a":1}\n\n{"b":"ä"}\n';
		for (let at = 0; at <= text.length; at += 1) {
			const lines: string[] = [];
			const splitter = new LineSplitter((line) => lines.push(line));
			splitter.push(text.slice(0, at));
			splitter.push(text.slice(at));
			splitter.end();
			assert.deepEqual(lines, ['{"a":1}\n', '\n', '{"b":"ä"}\n']);
		}
	});

	it('end when the text ends', () => {
		const lines: string[] = [];
		const splitter = new LineSplitter((line) => lines.push(line));
		splitter.push('half');
		assert.deepEqual(lines, []);
		splitter.end();
		splitter.end();
		assert.deepEqual(lines, ['half\n']);
	});

	it('are cut when they never end', () => {
		const lines: string[] = [];
		const splitter = new LineSplitter((line) => lines.push(line));
		for (let piece = 0; piece < 10; piece += 1) {
			splitter.push('x'.repeat(100_000));
		}
		assert.ok(lines.length >= 3 && lines.every((line) => line.length <= 400_000));
	});

	it('carry their owner, their level and a readable time', () => {
		const lines: string[] = [];
		const log = loggerTo('info', { role: 'origin', pid: 7 }, (line) => lines.push(line));
		log.debug('unseen');
		log.info({ app: 'live' }, 'seen');
		const { time, ...rest } = JSON.parse(lines[0] ?? '');
		assert.deepEqual(rest, { level: 30, role: 'origin', pid: 7, app: 'live', msg: 'seen' });
		assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
		assert.equal(lines.length, 1);
	});

	it('can be made readable for people, and what is no JSON stays as it is', () => {
		const pretty = prettyLines(false);
		const line = '{"level":40,"time":"2026-01-02T03:04:05.678Z","role":"origin","app":"live","msg":"stream ended"}\n';
		assert.match(pretty(line), /^\[\d\d:\d\d:05\.678\] WARN: stream ended \{"role":"origin","app":"live"\}\n$/);
		assert.equal(pretty('plain text\n'), 'plain text\n');
	});
});

describe('standard output', () => {
	it('that nobody reads costs a bounded amount of memory, and dropped lines are counted and told', async (t) => {
		const directory = mkdtempSync(join(tmpdir(), 'millrace-log-'));
		t.after(() => rmSync(directory, { recursive: true }));
		const fifo = join(directory, 'fifo');
		assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
		const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
		const sink = new LineSink(fd);
		const line = `${'x'.repeat(1023)}\n`;
		for (let count = 0; count < 4096; count += 1) {
			sink.write(line);
		}
		await sink.flush(10);
		const { dropped } = sink;
		assert.ok(dropped >= 4096 - 1024 - 128, `${dropped} dropped`);

		const buffer = Buffer.alloc(65_536);
		let text = '';
		while (!text.includes('log lines were dropped')) {
			text += await readSome(fd, buffer);
		}
		const told = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
		assert.deepEqual([told.level, told.lines], [40, dropped]);
		assert.equal(text.split('\n').filter((written) => written.startsWith('x')).length, 4096 - dropped);
	});
});

/** Reads what is there now, and waits a little when there is nothing. */
async function readSome(fd: number, buffer: Buffer): Promise<string> {
	try {
		const { bytesRead } = await promisify(read)(fd, buffer, 0, buffer.length, null);
		return buffer.toString('latin1', 0, bytesRead);
	} catch (error) {
		assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
		await sleep(5);
		return '';
	}
}
