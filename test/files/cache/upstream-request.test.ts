import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { InvariantError } from '#src/errors.js';
import { UpstreamClient, type UpstreamRequest } from '#src/files/cache/upstream-request.js';
import { FakeUpstream, type Handler } from '../../support/cache-tier.js';

const REQUEST: UpstreamRequest = { method: 'GET', target: '/a.ts', headers: {}, timeoutMs: 60_000 };
const whole: Handler = (_request, response) => response.end('whole');
/** The peer goes away in the middle of its answer. */
const cut: Handler = (_request, response) => {
	response.writeHead(200, { 'Content-Length': 100 });
	response.write('half', () => response.destroy());
};
const readBody = (response: IncomingMessage): Promise<string> => text(response);

/** A client of upstreams that answer so, and what it has said of them: `+` worked, `-` failed. */
async function makeClient(t: TestContext, ...handlers: Handler[]): Promise<{ client: UpstreamClient; said: string[] }> {
	const upstreams = await Promise.all(handlers.map((handler) => FakeUpstream.start(t, handler)));
	const said: string[] = [];
	const numberOf = (address: string): number => upstreams.findIndex(({ url }) => url === address);
	const order = {
		order: () => upstreams.map(({ url }) => url),
		failed: (address: string) => said.push(`-${numberOf(address)}`),
		worked: (address: string) => said.push(`+${numberOf(address)}`),
	};
	const client = new UpstreamClient(order, () => undefined);
	t.after(() => client.close());
	return { client, said };
}

describe('a request to upstreams', () => {
	it('goes to the next upstream when an answer is cut off', async (t) => {
		const { client, said } = await makeClient(t, cut, whole);
		assert.equal(await client.ask(REQUEST, readBody), 'whole');
		assert.deepEqual(said, ['-0', '+1']);
	});

	it('fails as the upstream when every answer is cut off', async (t) => {
		const { client } = await makeClient(t, cut);
		await assert.rejects(client.ask(REQUEST, readBody), { name: 'PeerError', code: 'UPSTREAM_FAILED' });
	});

	it('fails as the upstream when nobody listens there', async (t) => {
		const upstream = await FakeUpstream.start(t, whole);
		await upstream.kill();
		const order = { order: () => [upstream.url], failed: () => undefined, worked: () => undefined };
		const client = new UpstreamClient(order, () => undefined);
		t.after(() => client.close());
		await assert.rejects(client.ask(REQUEST, readBody), { name: 'PeerError', code: 'UPSTREAM_FAILED' });
	});

	it('is over with PEER_GONE when nobody wants the answer any more', async (t) => {
		const gone = new AbortController();
		const { client, said } = await makeClient(t, () => gone.abort());
		await assert.rejects(client.ask({ ...REQUEST, signal: gone.signal }, readBody), { code: 'PEER_GONE' });
		assert.deepEqual(said, []);
	});

	for (const fault of [new InvariantError('broken'), new TypeError('x is no function')]) {
		it(`hands on a ${fault.name} of our own as it is, and blames no upstream`, async (t) => {
			const { client, said } = await makeClient(t, whole, whole);
			const use = async (response: IncomingMessage): Promise<never> => {
				response.resume();
				throw fault;
			};
			await assert.rejects(client.ask(REQUEST, use), (error) => error === fault);
			assert.deepEqual(said, []);
		});
	}
});
