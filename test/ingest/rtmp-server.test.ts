import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { amfProperty } from '#src/codec/amf-value.js';
import { parseAmf0 } from '#src/codec/amf0.js';
import { ChunkReader } from '#src/protocol/rtmp/chunk-reader.js';
import { serializeMessage } from '#src/protocol/rtmp/chunk-writer.js';
import { commandBody } from '#src/protocol/rtmp/commands.js';
import { ClientHandshake } from '#src/protocol/rtmp/handshake.js';
import { MessageType, UserControlEvent, uint32Body, userControlBody } from '#src/protocol/rtmp/message.js';
import { LiveStream } from '../support/live-stream.js';
import { Received, RtmpThread } from '../support/rtmp-thread.js';
import { until } from '../support/until.js';

type Message = { type: number; messageStreamId: number; body: Buffer };

/** A client by hand: for messages that RtmpClient would not send, and to see those that it hides. */
class RawPeer {
	readonly messages: Message[] = [];
	readonly #socket: Socket;

	private constructor(socket: Socket) {
		this.#socket = socket;
	}

	static async shakeHands(socket: Socket): Promise<RawPeer> {
		const peer = new RawPeer(socket);
		const reader = new ChunkReader(1_000_000, (type, messageStreamId, _timestampMs, body) =>
			peer.messages.push({ type, messageStreamId, body: Buffer.from(body) }),
		);
		const handshake = new ClientHandshake((bytes) => socket.write(bytes), true);
		await new Promise<void>((resolve) => {
			let done = false;
			socket.on('data', (chunk) => {
				const rest = done ? chunk : handshake.push(chunk);
				if (rest !== null) {
					done = true;
					reader.push(rest);
					resolve();
				}
			});
		});
		return peer;
	}

	send(type: number, messageStreamId: number, body: Buffer): void {
		this.#socket.write(serializeMessage(128, type < 7 ? 2 : 3, type, messageStreamId, 0, body));
	}

	command(name: string, transactionId: number, ...args: Parameters<typeof commandBody>[3][]): void {
		this.send(MessageType.commandAmf0, 0, commandBody(name, transactionId, null, ...args));
	}

	connect(app: string): void {
		this.send(MessageType.commandAmf0, 0, commandBody('connect', 1, { app, capsEx: 1 }));
	}

	ofType(type: number): Message[] {
		return this.messages.filter((message) => message.type === type);
	}

	/** Names of the commands that came, with their transaction. */
	get commands(): string[] {
		return this.ofType(MessageType.commandAmf0).map(({ body }) =>
			(parseAmf0(body).slice(0, 2) as [string, number]).join(' '),
		);
	}
}

async function rawPeer(t: Parameters<typeof RtmpThread.start>[0], thread: RtmpThread): Promise<RawPeer> {
	return RawPeer.shakeHands(await thread.open(t));
}

test('connect is answered with window, bandwidth, chunk size, and what we can do', async (t) => {
	const thread = await RtmpThread.start(t);
	const peer = await rawPeer(t, thread);
	peer.connect('live');
	await until('connect is answered', () => peer.commands.length === 1);
	const { windowAckSize, setPeerBandwidth, setChunkSize, commandAmf0 } = MessageType;
	assert.deepEqual(
		peer.messages.map(({ type }) => type),
		[windowAckSize, setPeerBandwidth, setChunkSize, commandAmf0],
	);
	const [name, , properties, info] = parseAmf0(peer.messages[3]!.body);
	assert.equal(name, '_result');
	assert.equal(amfProperty(properties, 'capsEx'), 15);
	assert.equal(amfProperty(info, 'code'), 'NetConnection.Connect.Success');
});

test('every command that encoders and players send is answered, and an unknown one with _error', async (t) => {
	const thread = await RtmpThread.start(t);
	const peer = await rawPeer(t, thread);
	peer.connect('live');
	peer.command('releaseStream', 2, 'name');
	peer.command('FCPublish', 3, 'name');
	peer.command('createStream', 4);
	peer.command('createStream', 5);
	peer.command('_checkbw', 6);
	peer.command('getStreamLength', 7, 'name');
	peer.command('FCSubscribe', 0, 'name');
	peer.command('FCUnpublish', 8, 'name');
	peer.command('somethingElse', 9);
	peer.command('somethingElse', 0);
	peer.command('deleteStream', 0, 1);
	peer.command('deleteStream', 0, 77);
	peer.command('createStream', 10);
	await until('the last is answered', () => peer.commands.includes('_result 10'));
	assert.deepEqual(peer.commands, [
		'_result 1',
		'_result 2',
		'_result 3',
		'_result 4',
		'_result 5',
		'_result 6',
		'_result 7',
		'onFCSubscribe 0',
		'onFCUnpublish 0',
		'_result 8',
		'_error 9',
		'_result 10',
	]);
});

test('message streams are limited in number, and the same one is not used twice', async (t) => {
	const thread = await RtmpThread.start(t);
	const peer = await rawPeer(t, thread);
	peer.connect('live');
	for (let transaction = 2; transaction <= 18; transaction++) {
		peer.command('createStream', transaction);
	}
	await until('the last is answered', () => peer.commands.includes('_error 18'));
	assert.equal(peer.commands.filter((command) => command.startsWith('_result')).length, 17);
	for (const name of ['publish', 'publish', 'play']) {
		peer.send(MessageType.commandAmf0, 3, commandBody(name, 0, null, 'name'));
	}
	await until('all three are answered', () => peer.commands.filter((command) => command === 'onStatus 0').length === 3);
	const codes = peer
		.ofType(MessageType.commandAmf0)
		.map(({ body }) => parseAmf0(body))
		.filter(([name]) => name === 'onStatus')
		.map((values) => amfProperty(values[3], 'code'));
	assert.deepEqual(codes.sort(), ['NetStream.Play.Failed', 'NetStream.Publish.BadName', 'NetStream.Publish.Start']);
});

test('a ping is answered, and bytes are acknowledged in the window that the peer asks for', async (t) => {
	const thread = await RtmpThread.start(t);
	const peer = await rawPeer(t, thread);
	peer.connect('live');
	peer.send(MessageType.windowAckSize, 0, uint32Body(2000));
	peer.send(MessageType.userControl, 0, userControlBody(UserControlEvent.pingRequest, 4711));
	peer.send(99, 0, Buffer.alloc(1000));
	await until('the ping is answered', () => peer.ofType(MessageType.userControl).length === 1);
	assert.deepEqual(peer.ofType(MessageType.userControl)[0]?.body, userControlBody(UserControlEvent.pingResponse, 4711));
	await until('bytes are acknowledged', () => peer.ofType(MessageType.acknowledgement).length > 0);
	assert.ok(peer.ofType(MessageType.acknowledgement).at(-1)!.body.readUInt32BE(0) > 3073);
});

test('a silent peer is pinged, then closed', async (t) => {
	const thread = await RtmpThread.start(t, { rtmp: { pingInterval: '100ms', pingTimeout: '2500ms' } });
	const peer = await rawPeer(t, thread);
	peer.connect('live');
	await until('a ping comes', () => peer.ofType(MessageType.userControl).length > 0);
	assert.equal(peer.ofType(MessageType.userControl)[0]?.body.readUInt16BE(0), UserControlEvent.pingRequest);
	await until('the session ends', () => thread.counters.closed('IDLE_TIMEOUT') === 1);
});

test('a client that answers pings stays', async (t) => {
	const thread = await RtmpThread.start(t, { rtmp: { pingInterval: '100ms', pingTimeout: '4000ms' } });
	const client = await thread.connect(t);
	const silent = await rawPeer(t, thread);
	silent.connect('live');
	await until('the silent one is closed', () => thread.counters.closed('IDLE_TIMEOUT') === 1);
	assert.deepEqual(await client.call('getStreamLength', 'a'), [0]);
});

const GARBAGE: {
	name: string;
	bytes: Buffer;
	code: 'RTMP_VERSION' | 'RTMP_CHUNK_STREAM' | 'RTMP_COMMAND' | 'AMF_MALFORMED';
}[] = [
	{ name: 'HTTP', bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n'), code: 'RTMP_VERSION' },
	{ name: 'TLS', bytes: Buffer.from('16030100', 'hex'), code: 'RTMP_VERSION' },
	{ name: 'noise after the handshake', bytes: handshakeAnd(Buffer.alloc(64, 0xc7)), code: 'RTMP_CHUNK_STREAM' },
	{
		name: 'a command before connect',
		bytes: handshakeAnd(command(commandBody('play', 1, null))),
		code: 'RTMP_COMMAND',
	},
	{ name: 'a command that is none', bytes: handshakeAnd(command(Buffer.from('ff00', 'hex'))), code: 'AMF_MALFORMED' },
];

function handshakeAnd(bytes: Buffer): Buffer {
	return Buffer.concat([Buffer.of(3), Buffer.alloc(3072), bytes]);
}

function command(body: Buffer): Buffer {
	return serializeMessage(128, 3, MessageType.commandAmf0, 0, 0, body);
}

for (const { name, bytes, code } of GARBAGE) {
	test(`${name} ends one session with ${code} and nothing else`, async (t) => {
		const thread = await RtmpThread.start(t);
		const client = await thread.connect(t);
		const socket = await thread.open(t);
		socket.resume().write(bytes);
		await once(socket, 'close');
		assert.equal(thread.counters.closed(code), 1);
		assert.equal(thread.logged.length, 1);
		assert.deepEqual(await client.call('getStreamLength', 'a'), [0]);
	});
}

test('a peer that does not finish its handshake or connect in time is closed', async (t) => {
	const thread = await RtmpThread.start(t, { limits: { handshakeTimeout: '2000ms' } });
	const mute = await thread.open(t);
	const half = await thread.open(t);
	half.write(handshakeAnd(Buffer.alloc(0)).subarray(0, 1000));
	const closed = Promise.all([once(mute.resume(), 'close'), once(half.resume(), 'close')]);
	await rawPeer(t, thread);
	await closed;
	await until('all three are closed', () => thread.counters.closed('HANDSHAKE_TIMEOUT') === 3);
});

test('connections over the limit are closed at once, and counted', async (t) => {
	const thread = await RtmpThread.start(t, { limits: { connections: 2, connectionsPerAddress: 1 } });
	const first = await thread.open(t);
	await thread.open(t);
	const third = await thread.open(t);
	await once(third.resume(), 'close');
	assert.equal(thread.counters.closed('CONNECTION_LIMIT'), 1);
	assert.equal(thread.counters.get('currentConnections'), 2);
	first.destroy();
	await until('there is room again', () => thread.counters.get('currentConnections') === 1);
	await thread.connect(t);
});

test('a peer that reads none of its answers is closed', async (t) => {
	const thread = await RtmpThread.start(t);
	const socket = await thread.open(t);
	const peer = await RawPeer.shakeHands(socket);
	peer.connect('live');
	await until('connect is answered', () => peer.commands.length === 1);
	socket.pause();
	const call = command(commandBody('x'.repeat(10), 5, null));
	const many = Buffer.concat(Array.from({ length: 1000 }, () => call));
	socket.on('error', () => undefined);
	while (thread.counters.closed('BUFFER_FULL') === 0) {
		await new Promise((resolve) => socket.write(many, resolve));
	}
	assert.equal(thread.counters.closed('BUFFER_FULL'), 1);
});

test('on drain players are told and closed, publishers are asked to reconnect or closed', async (t) => {
	const thread = await RtmpThread.start(t);
	const stream = new LiveStream();
	thread.announce(stream);
	stream.gop();
	const statuses: string[] = [];
	const listening = (who: string) => ({ onStatus: (code: string) => statuses.push(`${who} ${code}`) });
	const player = await thread.connect(t, 'live', listening('player'));
	const got = new Received();
	await player.play('test', got.take);
	const modern = await thread.connect(t, 'live', listening('modern'));
	await modern.publish('modern');
	const old = await thread.connect(t, 'live', { ...listening('old'), connectProperties: { capsEx: 0 } });
	await old.publish('old');

	const drained = thread.server.drain(10_000);
	await Promise.all([player.closed, old.closed]);
	await until('the modern publisher is asked', () => statuses.length === 4);
	assert.deepEqual(statuses.sort(), [
		'modern NetConnection.Connect.ReconnectRequest',
		'old NetStream.Unpublish.Success',
		'player NetStream.Play.Reset',
		'player NetStream.Play.UnpublishNotify',
	]);
	modern.writeMessage(MessageType.video, 0, Buffer.from('1701', 'hex'));
	await until('it is still served', () => thread.requests.publications[0]?.pushes.length === 1);
	modern.close();
	await drained;
	assert.equal(thread.counters.get('currentConnections'), 0);
	await assert.rejects(() => thread.connect(t), { code: 'PEER_GONE' });
});

test('what has not gone by the deadline of a drain is cut off', async (t) => {
	const thread = await RtmpThread.start(t);
	const publisher = await thread.connect(t);
	await publisher.publish('name');
	await thread.server.drain(600);
	assert.equal((await publisher.closed).code, 'PEER_GONE');
	assert.equal(thread.counters.closed('SERVER_STOPPING'), 1);
	assert.equal(thread.counters.get('currentConnections'), 0);
});
