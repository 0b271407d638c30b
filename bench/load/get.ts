import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spreadOf } from '#src/tools/load/percentiles.js';

export type GetOptions = {
	url: string;
	connections: number;
	seconds: number;
	/** Each connection asks this often, at a moment of its own; 0 = again as soon as it has the whole answer. */
	everyMs: number;
	/** Address to connect from: one has 28,000 ports. */
	from: string | undefined;
};
export type GetResult = {
	requests: number;
	bytes: number;
	failures: number;
	/** The fault of the first connection that failed. */
	fault: string | null;
	/** Requests that were due while the answer to the one before was missing: not sent. */
	late: number;
	/** From the request to the last byte of its answer; of `everyMs` only. */
	latenciesMs: number[];
};

const HEAD_END = '\r\n\r\n';
const OPENED_AT_ONCE = 50;
const OPEN_PAUSE_MS = 50;
const WARM_UP_MS = 1000;
const TICK_MS = 2;

/**
 * Asks for one URL over and over on kept connections. Counts from the moment that `begin` resolves, which is called when all are
 * connected and have been asking for a while.
 */
export async function runGet(options: GetOptions, begin: () => Promise<void>): Promise<GetResult> {
	const { url, connections, seconds, everyMs, from } = options;
	const { hostname, port, pathname, search } = new URL(url);
	const request = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
	const tally = new Tally();
	const viewers: Viewer[] = [];
	const pacer = everyMs > 0 ? new Pacer(viewers, everyMs) : null;
	while (viewers.length < connections) {
		const socket = connect({
			port: Number(port),
			host: hostname,
			...(from === undefined ? {} : { localAddress: from }),
		});
		viewers.push(new Viewer(socket, request, tally, pacer === null));
		if (viewers.length % OPENED_AT_ONCE === 0) {
			await sleep(OPEN_PAUSE_MS);
		}
	}
	pacer?.start();
	await sleep(Math.max(WARM_UP_MS, everyMs));
	await begin();
	tally.reset();
	await sleep(seconds * 1000);
	const { requests, bytes, failures, fault, late, latenciesMs } = tally;
	pacer?.stop();
	for (const viewer of viewers) {
		viewer.close();
	}
	return { requests, bytes, failures, fault, late, latenciesMs };
}

class Tally implements GetResult {
	requests = 0;
	bytes = 0;
	/** The number of failures in the whole run. */
	failures = 0;
	fault: string | null = null;
	late = 0;
	latenciesMs: number[] = [];

	reset(): void {
		Object.assign(this, { requests: 0, bytes: 0, late: 0, latenciesMs: [] });
	}
}

/** One kept connection. */
class Viewer {
	readonly #socket: Socket;
	readonly #request: Buffer;
	readonly #tally: Tally;
	/** Asks again at once. */
	readonly #restless: boolean;
	#head = '';
	#missing = 0;
	#waiting = false;
	#askedAtMs = 0;

	constructor(socket: Socket, request: Buffer, tally: Tally, restless: boolean) {
		this.#socket = socket;
		this.#request = request;
		this.#tally = tally;
		this.#restless = restless;
		socket.setNoDelay(true);
		socket.on('data', (chunk: Buffer) => this.#take(chunk));
		socket.on('error', ({ message }) => this.#fail(message));
		// Servers do not wait long for the first request of a connection.
		socket.on('connect', () => this.ask());
	}

	ask(): void {
		if (this.#waiting) {
			this.#tally.late += 1;
			return;
		}
		this.#waiting = true;
		this.#askedAtMs = performance.now();
		this.#socket.write(this.#request);
	}

	close(): void {
		this.#socket
			.removeAllListeners('error')
			.on('error', () => this.#socket.destroy())
			.destroy();
	}

	#fail(fault: string): void {
		this.#tally.failures += 1;
		this.#tally.fault ??= fault;
		this.#socket.destroy();
	}

	#take(chunk: Buffer): void {
		let body = chunk.length;
		if (this.#missing === 0) {
			this.#head += chunk.toString('latin1');
			const end = this.#head.indexOf(HEAD_END);
			if (end < 0) {
				return;
			}
			const length = Number(/^content-length:\s*(\d+)/im.exec(this.#head)?.[1] ?? Number.NaN);
			if (!this.#head.startsWith('HTTP/1.1 200') || Number.isNaN(length)) {
				this.#fail(this.#head.slice(0, this.#head.indexOf('\r')));
				return;
			}
			body = this.#head.length - end - HEAD_END.length;
			this.#missing = length;
			this.#head = '';
		}
		this.#tally.bytes += body;
		this.#missing -= body;
		if (this.#missing === 0) {
			this.#answered();
		}
	}

	#answered(): void {
		this.#waiting = false;
		this.#tally.requests += 1;
		if (this.#restless) {
			this.ask();
		} else {
			this.#tally.latenciesMs.push(performance.now() - this.#askedAtMs);
		}
	}
}

/** Has each viewer ask once in a period, all of them evenly spread over it. */
class Pacer {
	readonly #viewers: readonly Viewer[];
	readonly #everyMs: number;
	#startedAtMs = 0;
	#asked = 0;
	#timer: NodeJS.Timeout | undefined;

	constructor(viewers: readonly Viewer[], everyMs: number) {
		this.#viewers = viewers;
		this.#everyMs = everyMs;
	}

	start(): void {
		this.#startedAtMs = performance.now();
		this.#timer = setInterval(() => this.#tick(), TICK_MS);
	}

	stop(): void {
		clearInterval(this.#timer);
	}

	#tick(): void {
		const due = Math.floor(((performance.now() - this.#startedAtMs) / this.#everyMs) * this.#viewers.length);
		for (; this.#asked < due; this.#asked++) {
			this.#viewers[this.#asked % this.#viewers.length]!.ask();
		}
	}
}

function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

/** As a child process it says when it is ready, and begins when it is told to. */
function toldToBegin(): Promise<void> {
	return new Promise((resolve) => {
		process.once('message', () => resolve());
		process.send?.('ready');
	});
}

async function main(): Promise<void> {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			connections: { type: 'string' },
			seconds: { type: 'string' },
			'every-ms': { type: 'string' },
			from: { type: 'string' },
		},
	});
	const [url] = positionals;
	if (url === undefined) {
		console.error('usage: get.js URL [--connections 32] [--seconds 10] [--every-ms 0] [--from ADDRESS]');
		process.exit(2);
	}
	const { connections = '32', seconds = '10', 'every-ms': everyMs = '0', from } = values;
	const options = { url, connections: Number(connections), seconds: Number(seconds), everyMs: Number(everyMs), from };
	const isChild = process.send !== undefined;
	const result = await runGet(options, isChild ? toldToBegin : () => Promise.resolve());
	if (isChild) {
		process.send?.(result, () => process.disconnect());
	} else {
		const { latenciesMs, ...figures } = result;
		console.log(JSON.stringify({ ...figures, latenciesMs: spreadOf(latenciesMs) }));
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	await main();
}
