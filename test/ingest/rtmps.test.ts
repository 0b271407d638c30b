import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { RtmpClient } from '#src/protocol/rtmp/client.js';
import { MessageType } from '#src/protocol/rtmp/message.js';
import { testConfig } from '../support/config.js';
import { LiveStream } from '../support/live-stream.js';
import { Received, RtmpThread } from '../support/rtmp-thread.js';
import { until } from '../support/until.js';

function pem(name: string): string {
	return fileURLToPath(new URL(`../../../test/fixtures/tls/${name}.pem`, import.meta.url));
}

function withCertificate(name: string): { cert: string; key: string } {
	return { cert: pem(`${name}.cert`), key: pem(`${name}.key`) };
}

async function connect(t: TestContext, thread: RtmpThread): Promise<RtmpClient> {
	const ca = [readFileSync(pem('first.cert')), readFileSync(pem('second.cert'))];
	const client = await RtmpClient.connect({ ...thread.url('live'), secure: true }, { tls: { ca } });
	t.after(() => client.close());
	return client;
}

test('RTMPS publishes and plays', async (t) => {
	const thread = await RtmpThread.start(t, { tls: withCertificate('first') }, true);
	const publisher = await connect(t, thread);
	await publisher.publish('mine');
	publisher.writeMessage(MessageType.video, 0, Buffer.alloc(200_000, 0x17));
	const [publication] = thread.requests.publications;
	await until('the frame arrives', () => publication?.pushes.length === 1);
	assert.equal(publication?.publisher.protocol, 'rtmps');

	const stream = new LiveStream();
	thread.announce(stream);
	stream.gop(50, 10_000);
	const got = new Received();
	await (await connect(t, thread)).play('test', got.take);
	await until('all frames arrive', () => got.serials.length === 100);
});

test('a new certificate is used for new connections, and old ones stay', async (t) => {
	const thread = await RtmpThread.start(t, { tls: withCertificate('first') }, true);
	const before = await connect(t, thread);
	thread.server.configure(testConfig({ tls: withCertificate('second') }));
	const after = await connect(t, thread);
	const names = [before, after].map(({ socket }) => (socket as TLSSocket).getPeerCertificate().subject.CN);
	assert.deepEqual(names, ['first.test', 'second.test']);
	assert.deepEqual(await before.call('getStreamLength', 'a'), [0]);
});

test('a connection that fails its TLS handshake, or is one too many, ends alone', async (t) => {
	const thread = await RtmpThread.start(t, { tls: withCertificate('first'), limits: { connections: 2 } }, true);
	const client = await connect(t, thread);
	const plain = await thread.open(t);
	plain.resume().write(Buffer.concat([Buffer.of(3), Buffer.alloc(1536)]));
	await once(plain, 'close');
	await until('it is counted', () => thread.counters.closed('RTMP_HANDSHAKE') === 1);

	await thread.open(t);
	const surplus = await thread.open(t);
	await once(surplus.resume(), 'close');
	assert.equal(thread.counters.closed('CONNECTION_LIMIT'), 1);
	assert.deepEqual(await client.call('getStreamLength', 'a'), [0]);
});
