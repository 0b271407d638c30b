import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { CacheTier } from '#src/files/cache/cache-tier.js';
import { FileServer } from '#src/files/file-server.js';
import { Counters } from '#src/metrics/counters.js';
import { testConfig } from './config.js';
import { slowed } from './patience.js';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An upstream that answers as it is told, and keeps what it was asked. */
export class FakeUpstream {
	readonly url: string;
	readonly requests: { target: string; headers: http.IncomingHttpHeaders; method: string }[] = [];
	handler: Handler;
	readonly #server: http.Server;

	private constructor(server: http.Server, handler: Handler) {
		this.#server = server;
		this.handler = handler;
		this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		server.on('request', (request, response) => {
			this.requests.push({ target: request.url ?? '', headers: request.headers, method: request.method ?? '' });
			this.handler(request, response);
		});
	}

	static async start(t: TestContext, handler: Handler): Promise<FakeUpstream> {
		const server = http.createServer();
		await listen(t, server);
		return new FakeUpstream(server, handler);
	}

	/** From now on connections are refused. */
	async kill(): Promise<void> {
		const closed = new Promise((resolve) => this.#server.close(resolve));
		this.#server.closeAllConnections();
		await closed;
	}
}

/** Answers with `body`, and with 304 to a client that has it. */
export function serveText(body: string, headers: Readonly<Record<string, string>>): Handler {
	return (request, response) => {
		const etag = headers['ETag'];
		if (etag !== undefined && request.headers['if-none-match'] === etag) {
			response.writeHead(304, headers).end();
		} else {
			response.writeHead(200, headers).end(body);
		}
	};
}

export type TierAnswer = { status: number; headers: http.IncomingHttpHeaders; body: Buffer };

/** A file gateway of one or several threads, all of them in this one. */
export class TestTier {
	readonly counters: Counters[] = [];
	readonly faults: string[] = [];
	readonly ports: number[] = [];
	readonly tiers: CacheTier[] = [];

	static async start(
		t: TestContext,
		upstreams: readonly string[],
		{
			threads = 1,
			processId = 'gateway00001',
			...overrides
		}: Record<string, unknown> & { threads?: number; processId?: string } = {},
	): Promise<TestTier> {
		const test = new TestTier();
		const config = testConfig({
			...overrides,
			gateway: { upstreams, stallTimeout: `${slowed(2000)}ms`, ...(overrides['gateway'] as object) },
		});
		for (let index = 0; index < threads; index++) {
			const counters = new Counters();
			const onFault = (fault: string, detail: string): void => {
				test.faults.push(`${fault}: ${detail}`);
			};
			const source = new CacheTier({ config: () => config, index, threads, processId, counters, onFault });
			await source.start();
			t.after(() => source.close());
			const files = new FileServer({ source, counters, accessLog: null, onFault });
			const server = http.createServer((request, response) => {
				const [target = ''] = (request.url ?? '').split('?', 1);
				files.serve(request, response, target, { 'Access-Control-Allow-Origin': '*' });
			});
			test.ports.push(await listen(t, server));
			test.tiers.push(source);
			test.counters.push(counters);
		}
		test.#connect(t);
		return test;
	}

	get url(): string {
		return `http://127.0.0.1:${this.ports[0]}`;
	}

	ask(
		target: string,
		headers: http.OutgoingHttpHeaders = {},
		{ thread = 0, method = 'GET' } = {},
	): Promise<TierAnswer> {
		return new Promise((resolve, reject) => {
			const options = {
				host: '127.0.0.1',
				port: this.ports[thread],
				path: target,
				headers,
				method,
				agent: false as const,
			};
			http
				.request(options, (response) => {
					const parts: Buffer[] = [];
					response.on('data', (part: Buffer) => parts.push(part));
					response.on('error', reject);
					response.on('end', () =>
						resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
					);
				})
				.on('error', reject)
				.end();
		});
	}

	#connect(t: TestContext): void {
		for (const [index, tier] of this.tiers.entries()) {
			for (const [other, peer] of this.tiers.entries()) {
				if (other > index) {
					const { port1, port2 } = new MessageChannel();
					tier.addPeer(other, port1);
					peer.addPeer(index, port2);
					t.after(() => port1.close());
				}
			}
		}
	}
}

async function listen(t: TestContext, server: http.Server): Promise<number> {
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.close();
		server.closeAllConnections();
	});
	return (server.address() as AddressInfo).port;
}
