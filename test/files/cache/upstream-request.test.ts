import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { ERROR_CODES, InvariantError } from '#src/errors.js';
import { UpstreamClient, type UpstreamRequest } from '#src/files/cache/upstream-request.js';
import type { Credentials } from '#src/protocol/credentials.js';
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
	return makeClientWith(t, null, ...handlers);
}

async function makeClientWith(
	t: TestContext,
	credentials: Credentials | null,
	...handlers: Handler[]
): Promise<{ client: UpstreamClient; said: string[] }> {
	const upstreams = await Promise.all(handlers.map((handler) => FakeUpstream.start(t, handler)));
	const said: string[] = [];
	const numberOf = (address: string): number => upstreams.findIndex(({ url }) => url === address);
	const order = {
		order: () => upstreams.map(({ url }) => ({ address: url, credentials })),
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
		const faults: string[] = [];
		const upstreams = [{ address: upstream.url, credentials: null }];
		const order = { order: () => upstreams, failed: () => undefined, worked: () => undefined };
		const client = new UpstreamClient(order, (fault) => faults.push(fault?.message ?? ''));
		t.after(() => client.close());
		const told = { name: 'PeerError', code: 'UPSTREAM_FAILED', message: ERROR_CODES.UPSTREAM_FAILED };
		await assert.rejects(client.ask(REQUEST, readBody), told);
		assert.match(faults.join(), /ECONNREFUSED/, 'the log is told where and why');
	});

	it('carries the user and password of the upstream, whatever the client has', async (t) => {
		const seen: (string | undefined)[] = [];
		const asking: Handler = (request, response) => {
			seen.push(request.headers.authorization);
			response.end('whole');
		};
		const { client } = await makeClientWith(t, { user: 'us:er', password: 'p@ss' }, asking);
		await client.ask({ ...REQUEST, headers: { authorization: 'Bearer of-a-viewer' } }, readBody);
		assert.deepEqual(seen, [`Basic ${Buffer.from('us:er:p@ss').toString('base64')}`]);
	});

	it('fails, and does not ask the viewer, when the upstream refuses them', async (t) => {
		const refusing: Handler = (_request, response) =>
			response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="inside"' }).end();
		const { client } = await makeClientWith(t, { user: 'a', password: 'wrong' }, refusing);
		await assert.rejects(client.ask(REQUEST, readBody), { code: 'UPSTREAM_FAILED' });
		const { client: without } = await makeClient(t, refusing);
		assert.equal(await without.ask(REQUEST, async (response) => response.resume().statusCode), 401);
	});

	it('fails as the upstream when its answer is no HTTP', async (t) => {
		const { client, said } = await makeClient(t, (request, response) => {
			request.socket.end('garbage\r\n\r\n');
			response.on('error', () => undefined);
		});
		await assert.rejects(client.ask(REQUEST, readBody), { code: 'UPSTREAM_FAILED' });
		assert.deepEqual(said, ['-0']);
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
