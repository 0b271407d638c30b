import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { MessageChannel, Worker } from 'node:worker_threads';
import { InvariantError, PeerError } from '#src/errors.js';
import { CachePeers } from '#src/files/cache/cache-peers.js';
import { ObjectFetcher } from '#src/files/cache/object-fetcher.js';
import type { UpstreamClient } from '#src/files/cache/upstream-request.js';
import { Counters } from '#src/metrics/counters.js';
import { testConfig } from '../../support/config.js';

const BROKEN = new InvariantError('broken');
const KEY = '/hls/live/a/segment_1.ts';

function fetcherOf(ask: () => Promise<never>): ObjectFetcher {
	return new ObjectFetcher({
		config: testConfig,
		memoryBytes: 1024,
		disk: null,
		client: { ask } as unknown as UpstreamClient,
		counters: new Counters(),
		relayFields: () => ({}),
	});
}

/** Runs `body` in a thread, which imports `specifier` of ours as `subject`, and returns what ends that thread. */
async function endOfThread(specifier: string, body: string): Promise<Error> {
	const worker = new Worker(
		`import(${JSON.stringify(import.meta.resolve(specifier))}).then(async (subject) => { ${body} }); setInterval(() => {}, 1e6);`,
		{ eval: true },
	);
	const [error] = (await once(worker, 'error')) as [Error];
	return error;
}

describe('a fault of our own in the cache', () => {
	it('is no fault of an upstream', async () => {
		await assert.rejects(fetcherOf(() => Promise.reject(BROKEN)).fetch(KEY, []), (error) => error === BROKEN);
		await assert.rejects(fetcherOf(() => Promise.reject(new PeerError('UPSTREAM_TIMEOUT'))).fetch(KEY, []), {
			code: 'UPSTREAM_TIMEOUT',
		});
	});

	it('is not told to another thread as if it were a peer’s', async (t) => {
		const channel = new MessageChannel();
		t.after(() => channel.port1.close());
		const peers = new CachePeers(0, 2, () => Promise.reject(new PeerError('RELAY_LOOP')));
		peers.add(1, channel.port2);
		channel.port1.postMessage({ type: 'ask', id: 1, key: KEY, via: [] });
		const [told] = (await once(channel.port1, 'message')) as [unknown];
		assert.deepEqual(told, {
			type: 'failed',
			id: 1,
			code: 'RELAY_LOOP',
			message: new PeerError('RELAY_LOOP').message,
		});
		const end = await endOfThread(
			'#src/files/cache/cache-peers.js',
			`const { MessageChannel } = require('node:worker_threads');
			const { port1, port2 } = new MessageChannel();
			const peers = new subject.CachePeers(0, 2, () => Promise.reject(new TypeError('broken')));
			peers.add(1, port2);
			port1.postMessage({ type: 'ask', id: 1, key: '/a', via: [] });`,
		);
		assert.equal(end.message, 'broken');
	});

	it('ends the thread of a file server instead of an answer', async () => {
		const end = await endOfThread(
			'#src/files/file-server.js',
			`const source = { hot: () => null, find: () => Promise.reject(new TypeError('broken')) };
			const server = new subject.FileServer({ source, counters: { add() {} }, accessLog: null, onFault() {} });
			const response = { writeHead() { throw new Error('answered') } };
			server.serve({ url: '/a.ts', headers: {}, method: 'GET' }, response, '/a.ts', {});`,
		);
		assert.equal(end.message, 'broken');
	});
});
