import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { until } from '../support/until.js';

const SEGMENT = 'hls/live/test/segment_1.ts';
const PLAYLIST = 'hls/live/test/index.m3u8';
const BODY = '0123456789'.repeat(1000);

async function startWithFiles(t: TestContext): Promise<ServerProcess> {
	const server = await startServer(t, { role: 'file-gateway' });
	mkdirSync(path.join(server.media, 'hls/live/test'), { recursive: true });
	writeFileSync(path.join(server.media, SEGMENT), BODY);
	writeFileSync(path.join(server.media, PLAYLIST), '#EXTM3U\n#EXT-X-TARGETDURATION:4\n');
	return server;
}

function startCache(t: TestContext, upstream: ServerProcess): Promise<ServerProcess> {
	return startServer(t, {
		role: 'file-gateway',
		args: ['--upstream', filesUrl(upstream, '')],
		config: { threads: { delivery: 2 }, log: { statistics: '200ms' } },
	});
}

function filesUrl(server: ServerProcess, file: string): string {
	return `http://127.0.0.1:${server.ports.files}/${file}`.replace(/\/$/, '');
}

async function metric(server: ServerProcess, name: string): Promise<number> {
	const text = await (await fetch(server.adminUrl('metrics'))).text();
	const values = text
		.split('\n')
		.filter((line) => line.startsWith(name))
		.map((line) => Number(line.split(' ').at(-1)));
	return values.reduce((sum, value) => sum + value, 0);
}

describe('a file gateway', () => {
	it('serves a directory and the pages, and nothing live', async (t) => {
		const server = await startWithFiles(t);
		writeFileSync(path.join(server.media, 'notes.txt'), 'notes');
		assert.equal(await (await fetch(filesUrl(server, SEGMENT))).text(), BODY);
		assert.equal(await (await fetch(filesUrl(server, 'notes.txt'))).text(), 'notes');
		assert.equal((await fetch(filesUrl(server, 'live/test.flv'))).status, 404);
		assert.equal((await fetch(filesUrl(server, 'live/test'), { method: 'POST', body: 'FLV' })).status, 404);
		assert.equal((await fetch(filesUrl(server, 'hls/live/test/'))).status, 404);
		assert.equal((await fetch(server.adminUrl('readyz'))).status, 200);
	});

	it('asks its upstream once for what many want through both of its threads, and outlives it', async (t) => {
		const origin = await startWithFiles(t);
		const gateway = await startCache(t, origin);
		const asked = async (): Promise<number> => metric(origin, 'millrace_file_requests_total');
		const before = await asked();
		const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(filesUrl(gateway, SEGMENT))));
		for (const answer of answers) {
			assert.equal(await answer.text(), BODY);
		}
		assert.equal(await asked(), before + 1);
		assert.equal(await metric(gateway, 'millrace_file_upstream_requests_total'), 1);
		assert.equal(await metric(gateway, 'millrace_file_requests_total{class="2xx"}'), 100);
		assert.equal((await fetch(filesUrl(gateway, PLAYLIST))).status, 200);
		await until('statistics of files', () => gateway.output.includes('"upstreamRequests"'));

		origin.signal('SIGTERM');
		await origin.exit();
		const stale = await fetch(filesUrl(gateway, PLAYLIST));
		assert.equal(stale.status, 200);
		assert.equal(await (await fetch(filesUrl(gateway, SEGMENT))).text(), BODY);
		assert.equal((await fetch(filesUrl(gateway, 'none.ts'))).status, 502);
	});
});
