import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serializeAmf0 } from '#src/codec/amf0.js';
import { PeerError } from '#src/errors.js';
import { MessageType } from '#src/protocol/rtmp/message.js';
import { RtmpThread } from '../support/rtmp-thread.js';
import { until } from '../support/until.js';

const VIDEO = Buffer.from('170100000000000000aabb', 'hex');
const META = serializeAmf0('onMetaData', new Map([['width', 640]]));

test('a publisher is granted, and what it sends reaches its publication as FLV tag bodies', async (t) => {
	const thread = await RtmpThread.start(t);
	const client = await thread.connect(t);
	await client.publish('name?key=secret');
	client.writeMessage(MessageType.dataAmf0, 0, Buffer.concat([serializeAmf0('@setDataFrame'), META]));
	client.writeMessage(MessageType.video, 40, VIDEO);
	client.writeMessage(MessageType.audio, 0xffffffff, Buffer.alloc(100_000, 0xaf));
	client.writeMessage(MessageType.dataAmf3, 50, Buffer.concat([Buffer.of(0), META]));
	client.writeMessage(MessageType.dataAmf0, 50, serializeAmf0('@clearDataFrame', 'onMetaData'));
	client.writeMessage(MessageType.video, 80, VIDEO);
	const [publication] = thread.requests.publications;
	await until('all messages arrive', () => publication?.pushes.length === 5);
	assert.deepEqual(publication?.pushes, [
		{ tagType: 18, timestampMs: 0, body: META.toString('hex') },
		{ tagType: 9, timestampMs: 40, body: VIDEO.toString('hex') },
		{ tagType: 8, timestampMs: 0xffffffff, body: 'af'.repeat(100_000) },
		{ tagType: 18, timestampMs: 50, body: META.toString('hex') },
		{ tagType: 9, timestampMs: 80, body: VIDEO.toString('hex') },
	]);
	assert.equal(publication.name.key, 'live/name');
	assert.equal(publication.publisher.protocol, 'rtmp');
	assert.equal(publication.publisher.query, 'key=secret');
	assert.match(publication.publisher.address, /^127\.0\.0\.1:\d+$/);
});

test('the query of the app and of the name are one, and slashes around names are dropped', async (t) => {
	const thread = await RtmpThread.start(t);
	const client = await thread.connect(t, 'live', { connectProperties: { app: '/live/?user=a' } });
	await client.publish('name?key=b');
	assert.equal(thread.requests.publications[0]?.name.app, 'live');
	assert.equal(thread.requests.publications[0]?.publisher.query, 'user=a&key=b');
});

test('an aggregate message is taken apart', async (t) => {
	const thread = await RtmpThread.start(t);
	const client = await thread.connect(t);
	await client.publish('name');
	const aggregate =
		'09 00000b 0003e8 00 000000 170100000000000000aabb 00000016 08 000002 0003fc 00 000000 af01 0000000d';
	client.writeMessage(MessageType.aggregate, 5000, Buffer.from(aggregate.replaceAll(' ', ''), 'hex'));
	const [publication] = thread.requests.publications;
	await until('both messages arrive', () => publication?.pushes.length === 2);
	assert.deepEqual(publication?.pushes, [
		{ tagType: 9, timestampMs: 5000, body: VIDEO.toString('hex') },
		{ tagType: 8, timestampMs: 5020, body: 'af01' },
	]);
});

test('the peer hears nothing of a publish until the verdict', async (t) => {
	const thread = await RtmpThread.start(t);
	let asked = false;
	let grant: () => void = () => undefined;
	thread.requests.verdict = () =>
		new Promise((resolve) => {
			asked = true;
			grant = resolve;
		});
	const client = await thread.connect(t);
	let started = false;
	const publishing = client.publish('name').then(() => {
		started = true;
	});
	await until('a publish is requested', () => asked);
	const other = await thread.connect(t);
	assert.deepEqual(await other.call('getStreamLength', 'name'), [0]);
	assert.equal(started, false);
	grant();
	await publishing;
});

test('media that comes before the verdict is kept, and a publisher that leaves before it gets none', async (t) => {
	const thread = await RtmpThread.start(t);
	let grant: (() => void) | null = null;
	thread.requests.verdict = () =>
		new Promise((resolve) => {
			grant = resolve;
		});
	const hasty = await thread.connect(t);
	const publishing = hasty.publish('hasty');
	await until('a publish is requested', () => grant !== null);
	const big = Buffer.alloc(1_000_000, 0x27);
	hasty.writeMessage(MessageType.video, 0, VIDEO);
	hasty.writeMessage(MessageType.video, 40, big);
	grant!();
	await publishing;
	const [publication] = thread.requests.publications;
	await until('both frames arrive', () => publication?.pushes.length === 2);

	grant = null;
	const leaving = await thread.connect(t);
	const refused = assert.rejects(leaving.publish('leaving'), { code: 'PEER_GONE' });
	await until('a publish is requested', () => grant !== null);
	leaving.close();
	await refused;
	grant!();
	await until('the publication ends', () => thread.requests.publications[1]?.closed != null);
});

test('a refused publisher is told the reason and closed', async (t) => {
	for (const [code, status] of [
		['PUBLISH_CONFLICT', 'NetStream.Publish.BadName'],
		['PUBLISH_REFUSED', 'NetStream.Publish.Denied'],
	] as const) {
		const thread = await RtmpThread.start(t);
		thread.requests.verdict = () => Promise.reject(new PeerError(code, 'held by 10.0.0.1:5'));
		const client = await thread.connect(t);
		await assert.rejects(
			() => client.publish('name'),
			(error: PeerError) => {
				assert.equal(error.code, 'PUBLISH_REFUSED');
				assert.ok(error.message.includes(status) && error.message.includes('held by 10.0.0.1:5'), error.message);
				return true;
			},
		);
		await client.closed;
		assert.equal(thread.counters.closed(code), 1);
	}
});

test('a name that may not be is refused for the app and for the stream', async (t) => {
	const thread = await RtmpThread.start(t);
	for (const app of ['live/extra', '', 'a b', '..', 'x'.repeat(129)]) {
		await assert.rejects(
			() => thread.connect(t, 'live', { connectProperties: { app } }),
			/NetConnection.Connect.InvalidApp/,
		);
	}
	for (const name of ['', '../etc', 'a/b', 'name with space', 'é']) {
		const client = await thread.connect(t);
		await assert.rejects(() => client.publish(name), /NetStream.Publish.BadName/);
		await client.closed;
	}
	assert.equal(thread.requests.publications.length, 0);
	assert.equal(thread.counters.closed('NAME_INVALID'), 10);
});

test('a publication ends with the unpublish, or with the connection', async (t) => {
	const thread = await RtmpThread.start(t);
	const polite = await thread.connect(t);
	await polite.publish('polite');
	polite.close();
	const lost = await thread.connect(t);
	await lost.publish('lost');
	lost.socket.resetAndDestroy();
	const fmle = await thread.connect(t);
	await fmle.publish('fmle');
	fmle.sendCommand('FCUnpublish', 'fmle?key=1');
	const codes = (): (string | null)[] => thread.requests.publications.map(({ closed }) => closed);
	await until('all publications end', () => codes().every((code) => code !== null));
	assert.deepEqual(codes(), ['STREAM_ENDED', 'PEER_GONE', 'STREAM_ENDED']);
});

test('a publisher that loses its right is told and closed', async (t) => {
	const thread = await RtmpThread.start(t);
	const statuses: string[] = [];
	const client = await thread.connect(t, 'live', { onStatus: (code, text) => statuses.push(`${code} ${text}`) });
	await client.publish('name');
	thread.requests.publications[0]?.revoke('PUBLISH_REPLACED', 'taken over by 10.0.0.2:7');
	await client.closed;
	assert.deepEqual(statuses, ['NetStream.Publish.BadName taken over by 10.0.0.2:7']);
	assert.equal(thread.counters.closed('PUBLISH_REPLACED'), 1);
	assert.equal(thread.requests.publications[0]?.closed, null);
});

test('a fault in the media ends the session with its code', async (t) => {
	const thread = await RtmpThread.start(t);
	const client = await thread.connect(t);
	await client.publish('name');
	client.writeMessage(MessageType.video, 0, Buffer.of(0xff));
	await client.closed;
	assert.equal(thread.requests.publications[0]?.closed, 'FLV_TAG');
	assert.equal(thread.counters.closed('FLV_TAG'), 1);
});

test('a message over limits.maxMessageSize ends the session', async (t) => {
	const thread = await RtmpThread.start(t, { limits: { maxMessageSize: '100KiB' } });
	const client = await thread.connect(t);
	await client.publish('name');
	client.writeMessage(MessageType.video, 0, Buffer.alloc(100 * 1024));
	client.writeMessage(MessageType.video, 0, Buffer.alloc(100 * 1024 + 1));
	await client.closed;
	assert.equal(thread.requests.publications[0]?.pushes.length, 1);
	assert.equal(thread.requests.publications[0]?.closed, 'RTMP_MESSAGE_TOO_LARGE');
});

test('one line is logged at the end of a session', async (t) => {
	const thread = await RtmpThread.start(t);
	const client = await thread.connect(t);
	await client.publish('name');
	client.close();
	await until('the session ends', () => thread.logged.length > 0);
	assert.equal(thread.logged.length, 1);
	const { role, app, stream, code, protocol, bytesIn, bytesOut, durationMs, msg } = thread.logged[0]!;
	assert.deepEqual(
		{ role, app, stream, code, protocol, msg },
		{
			role: 'publisher',
			app: 'live',
			stream: 'name',
			code: 'PEER_GONE',
			protocol: 'rtmp',
			msg: 'session ended',
		},
	);
	assert.ok(Number(bytesIn) > 3073 && Number(bytesOut) > 3073 && Number(durationMs) >= 0);
	assert.equal(thread.counters.get('sessionsAccepted'), 1);
	await until('the connection is counted off', () => thread.counters.get('currentConnections') === 0);
});
