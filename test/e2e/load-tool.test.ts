import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeTag, FLV_HEADER } from '#src/tools/load/flv-scanner.js';
import { CLIP, publish } from '../support/publish.js';
import { startServer } from '../support/test-server.js';
import { tool } from '../support/tool-program.js';
import { until } from '../support/until.js';

const BAR_CLIP = fileURLToPath(new URL('../../../bench/fixtures/bar.flv', import.meta.url));
const START = Buffer.concat([FLV_HEADER, ...CLIP.headers.map(encodeTag)]);

/** A server that serves its first viewer well, and cheats all others with `answer`. */
async function cheat(t: TestContext, answer: (response: ServerResponse) => void): Promise<string> {
	let requests = 0;
	const server = createServer((_request, response) => {
		requests++;
		if (requests > 1) {
			answer(response);
			return;
		}
		response.write(START);
		for (const frame of CLIP.frames) {
			response.write(encodeTag(frame));
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/live/cheat.flv`;
}

const CHEATS: { name: string; answer: (response: ServerResponse) => void; served: number }[] = [
	{ name: 'refusals', answer: (response) => response.writeHead(404).end('none'), served: 0 },
	{ name: 'good answers without a byte of media', answer: (response) => response.flushHeaders(), served: 0 },
	{
		name: 'one keyframe, and nothing after it',
		answer: (response) => response.write(Buffer.concat([START, ...CLIP.frames.slice(0, 5).map(encodeTag)])),
		served: 4,
	},
];

describe('millrace load', () => {
	it('counts every viewer of a good server as a success, slow ones aside', async (t) => {
		const server = await startServer(t);
		await publish(t, server.rtmpUrl('live/l'));
		const args = ['--viewers', '20', '--seconds', '2', '--slow', '2', '--pid', String(server.pid), '--json'];
		for (const url of [server.httpUrl('live/l.flv'), server.rtmpUrl('live/l')]) {
			const result = JSON.parse(await tool(t, 'load', ['play', url, ...args]).succeed());
			assert.deepEqual([result.succeeded, result.served, result.slow], [20, 20, { viewers: 2, connected: 2 }]);
			assert.ok(result.server.cpuPercent > 0);
		}
	});

	it('mimics the old stress test, and judges each viewer by what it got', async (t) => {
		const server = await startServer(t);
		await publish(t, server.rtmpUrl('live/l'));
		const args = ['--classic', '--viewers', '40', '--batch', '20', '--json'];
		const result = JSON.parse(await tool(t, 'load', ['play', server.httpUrl('live/l.flv'), ...args]).succeed());
		assert.deepEqual([result.asked, result.succeeded], [40, 40]);
	});

	for (const { name, answer, served } of CHEATS) {
		it(`counts none of: ${name}`, async (t) => {
			const url = await cheat(t, answer);
			const load = tool(t, 'load', ['play', url, '--classic', '--viewers', '4', '--batch', '4', '--json']);
			assert.equal(await load.exit(), 1, load.stderr);
			const result = JSON.parse(load.stdout);
			assert.deepEqual([result.asked, result.succeeded, result.served], [4, 0, served]);
		});
	}

	it('publishes many streams', async (t) => {
		const server = await startServer(t);
		const args = ['publish', server.rtmpUrl('live/s{n}'), '--streams', '3', '--file', BAR_CLIP];
		const load = tool(t, 'load', [...args, '--json']);
		await until('all are live', async () => {
			const response = await fetch(server.adminUrl('api/v1/streams/live/s2'));
			return response.ok;
		});
		load.kill('SIGINT');
		assert.equal(await load.exit(), 0, load.stderr);
		assert.deepEqual(JSON.parse(load.stdout).failures, []);
	});

	it('ends with 2 when the command line is wrong, and with 1 when there is no stream', async (t) => {
		const server = await startServer(t);
		for (const args of [[], ['play'], ['watch', 'http://x/y.flv'], ['play', 'https://x/y.flv']]) {
			assert.equal(await tool(t, 'load', args).exit(), 2, args.join(' '));
		}
		const load = tool(t, 'load', ['play', server.httpUrl('live/none.flv')]);
		assert.equal(await load.exit(), 1);
		assert.match(load.stderr, /HTTP 404\n$/);
	});
});
