import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import pino from 'pino';
import type { AdminSource } from '#src/admin/admin-api.js';
import { AdminServer } from '#src/admin/admin-server.js';

describe('AdminServer', () => {
	const silent = pino({ enabled: false });
	const source: AdminSource = {
		status: () => ({
			...{ role: 'origin', version: '1.2.3', startedAtMs: 0, state: 'ready', processRestarts: 0 },
			processes: [{ role: 'origin', index: 0, pid: 1, ready: true }],
		}),
		processes: () => [],
	};
	const server = new AdminServer(source, { host: '127.0.0.1', port: 0 }, silent);
	let port = 0;

	before(async () => {
		port = (await server.listen()).port;
	});
	after(() => server.close());

	it('answers with a length, without caching, and says what it is', async () => {
		const response = await ask('GET', '/healthz?x=1');
		assert.equal(response.status, 200);
		assert.equal(response.headers['content-type'], 'application/json; charset=utf-8');
		assert.equal(response.headers['cache-control'], 'no-store');
		assert.equal(response.headers['content-length'], String(response.body.length));
		assert.equal(response.body, '{"status":"ok"}\n');
	});

	it('answers HEAD without a body', async () => {
		const response = await ask('HEAD', '/readyz');
		assert.equal(response.status, 200);
		assert.equal(response.body, '');
		assert.notEqual(response.headers['content-length'], '0');
	});

	it('ignores a body and goes on with the connection', async () => {
		const response = await ask('POST', '/metrics', {}, 'x'.repeat(100_000));
		assert.equal(response.status, 405);
		assert.equal(response.headers['allow'], 'GET');
	});

	it('refuses a page elsewhere whose host name was made to point here', async () => {
		assert.equal((await ask('GET', '/api/v1/streams', { host: 'evil.example:9750' })).status, 421);
		for (const host of ['localhost:9750', '127.0.0.1:9750', '[::1]:9750', 'localhost']) {
			assert.equal((await ask('GET', '/api/v1/streams', { host })).status, 200, host);
		}
	});

	it('tells of a port that is taken', async () => {
		const second = new AdminServer(source, { host: '127.0.0.1', port }, silent);
		await assert.rejects(second.listen(), { code: 'EADDRINUSE' });
	});

	it('survives garbage', async () => {
		await new Promise<void>((resolve, reject) => {
			const socket = connect(port, '127.0.0.1', () => socket.end('\x00\x01garbage\r\n\r\n'));
			socket.on('close', () => resolve()).on('error', reject);
			socket.resume();
		});
		assert.equal((await ask('GET', '/healthz')).status, 200);
	});

	function ask(method: string, path: string, headers: Record<string, string> = {}, body = '') {
		return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
			const options = { host: '127.0.0.1', port, method, path, headers, agent: false };
			const sent = request(options, async (response) => {
				const chunks: Buffer[] = await response.toArray();
				resolve({
					status: response.statusCode ?? 0,
					headers: response.headers,
					body: Buffer.concat(chunks).toString(),
				});
			});
			sent.on('error', reject).end(body);
		});
	}
});
