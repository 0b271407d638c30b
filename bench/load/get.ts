import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export type GetOptions = { url: string; connections: number; seconds: number };
export type GetResult = { requests: number; bytes: number; failures: number; seconds: number };

const HEAD_END = '\r\n\r\n';

/** Asks for one URL over and over on kept connections, each the next time as soon as it has the whole answer. */
export async function runGet({ url, connections, seconds }: GetOptions): Promise<GetResult> {
	const { hostname, port, pathname, search } = new URL(url);
	const request = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
	const result: GetResult = { requests: 0, bytes: 0, failures: 0, seconds };
	const sockets = Array.from({ length: connections }, () => connect(Number(port), hostname));
	for (const socket of sockets) {
		socket.setNoDelay(true);
		repeat(socket, request, result);
	}
	await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
	const done = { ...result };
	for (const socket of sockets) {
		socket.destroy();
	}
	return done;
}

function repeat(socket: Socket, request: Buffer, result: GetResult): void {
	let head = '';
	let missing = 0;
	const answered = (): void => {
		result.requests += 1;
		head = '';
		socket.write(request);
	};
	socket.on('connect', () => socket.write(request));
	socket.on('data', (chunk: Buffer) => {
		if (missing > 0) {
			result.bytes += chunk.length;
			missing -= chunk.length;
			if (missing <= 0) {
				answered();
			}
			return;
		}
		head += chunk.toString('latin1');
		const end = head.indexOf(HEAD_END);
		if (end < 0) {
			return;
		}
		const length = Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? Number.NaN);
		if (!head.startsWith('HTTP/1.1 200') || Number.isNaN(length)) {
			result.failures += 1;
			socket.destroy();
			return;
		}
		const body = head.length - end - HEAD_END.length;
		result.bytes += body;
		missing = length - body;
		if (missing <= 0) {
			answered();
		}
	});
	socket.on('error', () => {
		result.failures += 1;
	});
}

async function main(): Promise<void> {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: { connections: { type: 'string' }, seconds: { type: 'string' } },
	});
	const [url] = positionals;
	if (url === undefined) {
		console.error('usage: get.js URL [--connections 32] [--seconds 10]');
		process.exit(2);
	}
	const { connections = '32', seconds = '10' } = values;
	console.log(JSON.stringify(await runGet({ url, connections: Number(connections), seconds: Number(seconds) })));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	await main();
}
