import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { withSharedReads } from '#src/ingest/shared-reads.js';

const HIGH_WATER_MARK = 64 * 1024;

/** A client, and the socket that stands for it at the server. */
async function pair(t: TestContext): Promise<{ client: net.Socket; accepted: net.Socket; socket: net.Socket }> {
	const server = net.createServer({ pauseOnConnect: true, noDelay: true }).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
	const [accepted] = (await once(server, 'connection')) as [net.Socket];
	const socket = withSharedReads(accepted, HIGH_WATER_MARK);
	t.after(() => {
		client.destroy();
		socket.destroy();
		server.close();
	});
	return { client, accepted, socket };
}

/** The next `length` bytes of `socket`, and the memory that they were read into. */
function read(socket: net.Socket, length: number): Promise<{ bytes: Buffer; memory: Set<unknown> }> {
	const bytes: Buffer[] = [];
	const memory = new Set<unknown>();
	return new Promise((resolve) => {
		const take = (chunk: Buffer): void => {
			memory.add(chunk.buffer);
			bytes.push(Buffer.from(chunk));
			if (Buffer.concat(bytes).length >= length) {
				socket.off('data', take);
				resolve({ bytes: Buffer.concat(bytes), memory });
			}
		};
		socket.on('data', take);
	});
}

test('all accepted sockets of a thread read into the same memory', async (t) => {
	const memories: unknown[] = [];
	for (const fill of [1, 2]) {
		const { client, accepted, socket } = await pair(t);
		assert.notEqual(socket, accepted);
		const sent = Buffer.alloc(300_000, fill);
		client.write(sent);
		const { bytes, memory } = await read(socket, sent.length);
		assert.ok(bytes.equals(sent));
		memories.push(...memory);
	}
	assert.equal(new Set(memories).size, 1);
});

test('such a socket has a peer, writes, and ends like any other', async (t) => {
	const { client, socket } = await pair(t);
	assert.equal(socket.remotePort, client.localPort);
	assert.equal(socket.writableHighWaterMark, HIGH_WATER_MARK);
	socket.resume();
	socket.write('answer');
	const [answer] = (await once(client, 'data')) as [Buffer];
	assert.equal(answer.toString(), 'answer');
	const closed = once(socket, 'close');
	client.end();
	await closed;
	assert.equal(socket.readableEnded, true);
});

test('a pause holds what comes, and its end gives it out', async (t) => {
	const { client, socket } = await pair(t);
	const reading = read(socket, 8);
	socket.pause();
	client.write('withheld');
	const early = await Promise.race([reading, new Promise<string>((resolve) => setTimeout(resolve, 50, 'nothing'))]);
	assert.equal(early, 'nothing');
	socket.resume();
	assert.equal((await reading).bytes.toString(), 'withheld');
});

test('a reset of the peer is an error of the socket, once', async (t) => {
	const { client, accepted, socket } = await pair(t);
	accepted.on('error', () => assert.fail('the accepted socket has nothing to do with it any more'));
	socket.resume();
	client.resetAndDestroy();
	const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
	assert.equal(error.code, 'ECONNRESET');
});

test('without a handle the accepted socket itself is used', () => {
	const accepted = new net.Socket();
	accepted.pause();
	assert.equal(withSharedReads(accepted, HIGH_WATER_MARK), accepted);
	assert.equal(accepted.isPaused(), false);
});
