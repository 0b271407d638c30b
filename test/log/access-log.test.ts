import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Access, AccessLog } from '#src/log/access-log.js';
import { until } from '../support/until.js';

const ACCESS: Access = {
	address: '192.0.2.1',
	startedAtMs: Date.parse('2026-11-05T09:08:07.123Z'),
	durationMs: 1.5,
	method: 'GET',
	target: '/hls/live/test/index.m3u8?x=1',
	httpVersion: '1.1',
	status: 200,
	bytes: 4096,
	referer: undefined,
	userAgent: 'VLC/3.0 "quoted"\n',
};

function temporaryFile(t: TestContext): string {
	const directory = mkdtempSync(path.join(tmpdir(), 'millrace-access-'));
	t.after(() => rmSync(directory, { recursive: true }));
	return path.join(directory, 'sub/access.log');
}

function read(file: string): string {
	try {
		return readFileSync(file, 'utf8');
	} catch {
		return '';
	}
}

describe('the access log', () => {
	it('writes lines that the usual programs read, and that a request cannot forge', async (t) => {
		const file = temporaryFile(t);
		const log = new AccessLog(file, 'combined', assert.fail);
		log.write(ACCESS);
		await log.flush();
		assert.equal(
			read(file),
			'192.0.2.1 - - [05/Nov/2026:09:08:07 +0000] "GET /hls/live/test/index.m3u8?x=1 HTTP/1.1" 200 4096 "-" ' +
				'"VLC/3.0 \\x22quoted\\x22\\x0A"\n',
		);
	});

	it('writes JSON', async (t) => {
		const file = temporaryFile(t);
		const log = new AccessLog(file, 'json', assert.fail);
		log.write({ ...ACCESS, target: `/${'x'.repeat(5000)}` });
		await log.flush();
		const line = JSON.parse(read(file)) as Record<string, unknown>;
		assert.equal(line['time'], '2026-11-05T09:08:07.123Z');
		assert.equal(line['status'], 200);
		assert.equal(line['userAgent'], ACCESS.userAgent);
		assert.equal((line['target'] as string).length, 1024);
	});

	it('goes on in a new file after the old one was moved away', async (t) => {
		const file = temporaryFile(t);
		const log = new AccessLog(file, 'combined', assert.fail);
		log.write(ACCESS);
		await log.flush();
		renameSync(file, `${file}.1`);
		log.reopen();
		log.write(ACCESS);
		await until(() => read(file).split('\n').length === 2);
		assert.equal(read(`${file}.1`).split('\n').length, 2);
	});

	it('loses lines, and says so, rather than take all the memory when the disk takes nothing', async () => {
		const faults = new Set<string>();
		const log = new AccessLog('/dev/full', 'combined', (fault) => faults.add(fault));
		await until(() => {
			for (let count = 0; count < 1000; count++) {
				log.write(ACCESS);
			}
			return faults.size === 2;
		});
		assert.ok(faults.has('access log lines were dropped'));
		assert.ok(faults.has('the access log cannot be written'));
	});
});
