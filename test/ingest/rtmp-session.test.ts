import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { Access } from '#src/access/access.js';
import type { AmfValue } from '#src/codec/amf-value.js';
import { RtmpSession } from '#src/ingest/rtmp-session.js';
import { Counters } from '#src/metrics/counters.js';
import { serializeMessage } from '#src/protocol/rtmp/chunk-writer.js';
import { commandBody } from '#src/protocol/rtmp/commands.js';
import { MessageType } from '#src/protocol/rtmp/message.js';
import { StreamDirectory } from '#src/stream/directory.js';
import { HubSet } from '#src/stream/play/hub-set.js';
import { StreamFinder } from '#src/stream/stream-finder.js';
import { amfValue } from '../codec/amf-arbitrary.js';
import { testConfig } from '../support/config.js';
import { LiveStream } from '../support/live-stream.js';
import { FakePublishRequests } from '../support/rtmp-thread.js';
import { keptLog } from '../support/silent-log.js';

/** Reads nothing by itself and throws away what is written. */
class DeafSocket extends Duplex {
	bytesWritten = 0;

	override _read(): void {
		return;
	}

	override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
		this.bytesWritten += chunk.length;
		done();
	}
}

const COMMANDS = [
	...['createStream', 'publish', 'play', 'play2', 'pause', 'pauseRaw', 'seek', 'receiveAudio', 'receiveVideo'],
	...['closeStream', 'deleteStream', 'releaseStream', 'FCPublish', 'FCUnpublish', 'FCSubscribe', 'FCUnsubscribe'],
	...['getStreamLength', '_checkbw', '_result', '_error', 'onStatus', 'connect', 'toString', '__proto__'],
];
const STREAM_IDS = [0, 1, 2, 3, 0xffffffff];
const argument = fc.oneof(
	amfValue,
	fc.constantFrom<AmfValue>('test', 'name', 'name?key=1', '../name', -2000, 0, 1, 2, Number.NaN, true, false),
);
const message = fc.oneof(
	fc.constantFrom('publish', 'play').map((name) => ({
		type: MessageType.commandAmf0 as number,
		body: commandBody(name, 0, null, 'test'),
	})),
	fc
		.tuple(fc.constantFrom(...COMMANDS), fc.nat(9), fc.array(argument, { maxLength: 4 }))
		.map(([name, transaction, args]) => ({
			type: MessageType.commandAmf0 as number,
			body: commandBody(name, transaction, null, ...args),
		})),
	fc.record({
		type: fc.nat(25).filter((type) => type !== MessageType.setChunkSize),
		body: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
	}),
);

test('no sequence of commands and messages brings a session to anything but a code', async () => {
	const config = testConfig({ play: { missing: 'wait', waitTimeout: '1ms' } });
	const stream = new LiveStream();
	stream.gop();
	const directory = new StreamDirectory([stream.info]);
	const counters = new Counters();
	const { log } = keptLog();
	const hubs = new HubSet({ directory, config, counters, log });
	const relay = { processId: 'ingest00', onDemand: false };
	const finder = new StreamFinder({ directory, relay, log, send: () => undefined });
	const services = {
		access: new Access('test', log),
		config,
		requests: new FakePublishRequests(),
		hubs,
		directory,
		finder,
		counters,
		log,
	};
	const step = fc.tuple(fc.constantFrom(...STREAM_IDS), message);
	let ended = 0;
	let connected = 0;
	await fc.assert(
		fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
			const socket = new DeafSocket() as unknown as Socket;
			const session = new RtmpSession(socket, 'rtmp', '10.0.0.1:5', services, () => ended++);
			const receive = (bytes: Buffer): boolean => socket.emit('data', bytes);
			receive(Buffer.concat([Buffer.of(3), Buffer.alloc(3072)]));
			receive(serializeMessage(128, 3, MessageType.commandAmf0, 0, 0, commandBody('connect', 1, { app: 'live' })));
			connected++;
			for (const [messageStreamId, { type, body }] of steps) {
				receive(serializeMessage(128, 4, type, messageStreamId, 0, body));
				session.checkTimes(performance.now());
				await Promise.resolve();
			}
			session.publisherReturned(stream.info.streamId);
			session.drain();
			socket.destroy();
			await new Promise((resolve) => setImmediate(resolve));
			assert.equal(ended, connected);
		}),
		{ numRuns: 400, interruptAfterTimeLimit: 1500 },
	);
	assert.equal(counters.stream(1, 'current:rtmp'), 0);
	assert.ok(services.requests.publications.every(({ closed }) => closed !== null));
	assert.ok(services.requests.publications.length > 0);
});
