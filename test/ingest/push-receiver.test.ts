import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { buildFileHeader, buildTag } from '#src/container/flv/writer.js';
import { PushReceiver } from '#src/ingest/push-receiver.js';
import { RingReader } from '#src/ring/ring-reader.js';
import {
	PUSH_WINDOW_BYTES,
	type PublisherInfo,
	type PushToDelivery,
	type PushToIngest,
} from '#src/stream/thread-messages.js';
import { streamName } from '#src/stream-name.js';
import { testConfig } from '../support/config.js';
import * as flv from '../support/flv-bodies.js';
import { RequestsWithCoordinator } from '../support/publish-requests.js';
import { cutAt } from '../support/splits.js';

const PUBLISHER: PublisherInfo = { protocol: 'http-flv', address: '127.0.0.1:1', query: '' };

/** The delivery thread's end of a channel to a receiver. */
class Sender {
	readonly stage = new RequestsWithCoordinator();
	readonly heard: PushToDelivery[] = [];
	readonly receiver: PushReceiver;
	readonly port: MessagePort;
	readonly #receiverPort: MessagePort;

	constructor() {
		const { port1, port2 } = new MessageChannel();
		this.port = port1;
		this.#receiverPort = port2;
		port1.on('message', (message: PushToDelivery) => this.heard.push(message));
		this.receiver = new PushReceiver({ port: port2, requests: this.stage.requests, config: testConfig() });
	}

	send(message: PushToIngest): void {
		this.port.postMessage(message);
	}

	open(pushId: number, name = 'a', app = 'live'): void {
		this.send({ type: 'push-open', pushId, name: streamName(app, name), publisher: PUBLISHER });
	}

	data(pushId: number, bytes: Uint8Array): void {
		this.send({ type: 'push-data', pushId, bytes: Uint8Array.from(bytes) });
	}

	/** Waits until the receiver has handled all that was sent: a message behind it has come through. */
	async handled(): Promise<void> {
		const last: PushToIngest = { type: 'push-end', pushId: -1 };
		const through = new Promise<void>((resolve) => {
			this.#receiverPort.on('message', ({ pushId }: PushToIngest) => pushId === last.pushId && resolve());
		});
		this.send(last);
		await through;
		// Verdicts come in microtasks.
		await new Promise((resolve) => setImmediate(resolve));
	}

	/** Waits until as many messages of this type have come. */
	async hear<T extends PushToDelivery['type']>(type: T, count = 1): Promise<(PushToDelivery & { type: T })[]> {
		for (;;) {
			const found = this.heard.filter((message): message is PushToDelivery & { type: T } => message.type === type);
			if (found.length >= count) {
				return found;
			}
			await once(this.port, 'message');
		}
	}
}

const senders: Sender[] = [];
function sender(): Sender {
	const created = new Sender();
	senders.push(created);
	return created;
}
afterEach(() => {
	for (const { port } of senders.splice(0)) {
		port.close();
	}
});

const FLV = Buffer.concat([
	buildFileHeader(true, true),
	buildTag(9, 0, flv.AVC_HEADER),
	buildTag(8, 0, flv.AAC_HEADER),
	buildTag(9, 0, flv.avcKey()),
	buildTag(8, 10, flv.aacFrame()),
]);
const CLEAN_END = { type: 'push-end', pushId: 1 } as const;

describe('the receiver of pushes', () => {
	it('turns the bytes of a push into a stream, wherever they were cut', async () => {
		for (const places of [[], [1], [9, 14, 30], Array.from(FLV.keys())]) {
			const push = sender();
			push.open(1);
			const [verdict] = await push.hear('push-verdict');
			assert.deepEqual(verdict!.verdict, { granted: true });
			for (const piece of cutAt(FLV, places)) {
				push.data(1, piece);
			}
			push.send(CLEAN_END);
			const [close] = await push.hear('push-close');
			assert.equal(close!.code, 'STREAM_ENDED');
			const batch = new RingReader(push.stage.streams.get('live/a')!.info.ring).read(0, 1e6);
			assert.ok(batch !== null && batch !== 'lapped');
			assert.deepEqual(Buffer.from(batch.bytes), FLV.subarray(13));
			assert.deepEqual(push.stage.news(), ['publication-ended STREAM_ENDED']);
		}
	});

	it('keeps what comes before the verdict until it is there', async () => {
		const push = sender();
		push.stage.grants = false;
		push.open(1);
		push.data(1, FLV);
		push.send(CLEAN_END);
		await push.handled();
		assert.deepEqual(push.heard, []);
		push.stage.grantAll();
		await push.hear('push-close');
		assert.deepEqual(
			push.heard.map(({ type }) => type),
			['push-verdict', 'push-close'],
		);
		assert.equal(new RingReader(push.stage.streams.get('live/a')!.info.ring).ready, true);
	});

	it('says why a push is refused', async () => {
		const push = sender();
		push.stage.grants = false;
		push.open(2);
		await push.handled();
		push.stage.refuseAll('PUBLISH_CONFLICT', 'taken');
		const [verdict] = await push.hear('push-verdict');
		assert.deepEqual(verdict, {
			type: 'push-verdict',
			pushId: 2,
			verdict: { granted: false, code: 'PUBLISH_CONFLICT', message: 'Another publisher holds the stream: taken' },
		});
		assert.equal(push.receiver.pushes, 0);
	});

	it('ends a push of garbage with a code, and only that one', async () => {
		const push = sender();
		push.open(1, 'a');
		push.open(2, 'b');
		await push.hear('push-verdict', 2);
		push.data(1, Buffer.from('this is no FLV at all'));
		push.data(2, FLV);
		const [close] = await push.hear('push-close');
		assert.deepEqual([close!.pushId, close!.code], [1, 'FLV_SIGNATURE']);
		push.data(1, FLV);
		push.send({ ...CLEAN_END, pushId: 2 });
		assert.equal((await push.hear('push-close', 2))[1]!.code, 'STREAM_ENDED');
		assert.deepEqual(push.stage.news(), ['publication-ended FLV_SIGNATURE', 'publication-ended STREAM_ENDED']);
	});

	it('passes on that the peer was lost', async () => {
		const push = sender();
		push.open(1);
		await push.hear('push-verdict');
		push.data(1, FLV.subarray(0, 40));
		push.send({ ...CLEAN_END, code: 'PEER_GONE' });
		assert.equal((await push.hear('push-close'))[0]!.code, 'PEER_GONE');
		assert.deepEqual(push.stage.news(), ['publication-ended PEER_GONE']);
	});

	it('closes a push that is revoked, once', async () => {
		const push = sender();
		push.open(1);
		await push.hear('push-verdict');
		push.stage.requests.handle({
			type: 'revoke',
			publicationId: push.stage.lastId,
			code: 'SESSION_KICKED',
			message: 'evicted',
		});
		push.send(CLEAN_END);
		push.open(2, 'b');
		await push.hear('push-verdict', 2);
		assert.deepEqual(await push.hear('push-close'), [
			{ type: 'push-close', pushId: 1, code: 'SESSION_KICKED', message: 'evicted' },
		]);
		assert.deepEqual(push.stage.news(), ['publication-released']);
	});

	it('acknowledges what it has parsed, so that a sender that keeps to the window never waits for good', async () => {
		const push = sender();
		push.open(1);
		await push.hear('push-verdict');
		const tag = buildTag(9, 40, Buffer.concat([flv.avcInter(), new Uint8Array(50_000)]));
		const pieces = [FLV, ...Array.from({ length: 100 }, () => tag)];
		let sent = 0;
		for (const piece of pieces) {
			const acknowledged = (): number =>
				push.heard.reduce((sum, message) => sum + (message.type === 'push-ack' ? message.bytes : 0), 0);
			while (sent + piece.length - acknowledged() > PUSH_WINDOW_BYTES) {
				await once(push.port, 'message');
			}
			push.data(1, piece);
			sent += piece.length;
		}
		push.send(CLEAN_END);
		assert.equal((await push.hear('push-close'))[0]!.code, 'STREAM_ENDED');
	});

	it('ends all pushes of a delivery thread that is gone', async () => {
		const push = sender();
		push.open(1, 'a');
		push.open(2, 'b');
		await push.hear('push-verdict', 2);
		push.port.close();
		while (push.stage.news().length < 2) {
			await new Promise(setImmediate);
		}
		assert.deepEqual(push.stage.news(), ['publication-ended PEER_GONE', 'publication-ended PEER_GONE']);
		assert.equal(push.receiver.pushes, 0);
	});
});
