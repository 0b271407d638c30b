import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import pino from 'pino';
import { flvChunkedFormat, flvFormat } from '#src/delivery/flv-formats.js';
import type { ErrorCode } from '#src/errors.js';
import { Counters } from '#src/metrics/counters.js';
import { RecordKind } from '#src/ring/layout.js';
import { StreamDirectory } from '#src/stream/directory.js';
import { Hub } from '#src/stream/play/hub.js';
import { HubSet } from '#src/stream/play/hub-set.js';
import type { Subscription, WireFormat } from '#src/stream/play/subscriber.js';
import { testConfig } from '../../support/config.js';
import { assertContinuous, assertDecodable, isHeader, parseFlv, serials, unchunk } from '../../support/flv-check.js';
import { GatedSocket } from '../../support/gated-socket.js';
import { LiveStream } from '../../support/live-stream.js';
import { until } from '../../support/until.js';

type Viewer = { socket: GatedSocket; subscription: Subscription; ended: ErrorCode[]; starts: number };

const MAX_LAG_MS = 30_000;

describe('a hub', () => {
	let stream: LiveStream;
	let hub: Hub;
	let counters: Counters;
	let nowMs: number;

	const makeHub = (made: LiveStream): void => {
		stream = made;
		counters = new Counters();
		nowMs = performance.now();
		hub = new Hub(stream.info, { counters, occupied: () => undefined, vacated: () => undefined });
		hub.maxLagMs = MAX_LAG_MS;
	};
	const flush = (): number => hub.flush(nowMs);
	const subscribe = (format: WireFormat = flvFormat, socket = new GatedSocket()): Viewer => {
		const ended: ErrorCode[] = [];
		const viewer = { socket, ended, starts: 0 };
		const subscription = hub.subscribe({
			socket: socket.asSocket,
			format,
			counters: { bytesOut: 'bytesOut:http-flv', current: 'current:http-flv' },
			starting: () => {
				viewer.starts++;
			},
			ended: (code) => ended.push(code),
		});
		return Object.assign(viewer, { subscription });
	};
	const tagsOf = (viewer: Viewer) => parseFlv(viewer.socket.bytes).tags;

	beforeEach(() => makeHub(new LiveStream()));

	it('starts a viewer with headers at the time of the first frame, the newest GOP, and goes on live', () => {
		stream.gop();
		stream.gop();
		const viewer = subscribe();
		for (let round = 0; round < 5; round++) {
			stream.video(false);
			stream.audio();
			flush();
		}
		const { flags, tags } = parseFlv(viewer.socket.bytes);
		assert.equal(flags, 5);
		assert.deepEqual(
			tags.slice(0, 4).map(({ type }) => type),
			[18, 9, 8, 9],
		);
		assert.deepEqual(
			tags.slice(0, 4).map(({ dtsMs }) => dtsMs),
			[0, 1400, 1400, 1400],
		);
		assertContinuous(tags);
		assert.deepEqual(
			serials(tags),
			Array.from({ length: 30 }, (_, index) => 21 + index),
		);
	});

	it('writes one shared Buffer to all viewers at the live edge', () => {
		stream.gop();
		const viewers = Array.from({ length: 20 }, () => subscribe(flvChunkedFormat));
		stream.video(false);
		flush();
		const last = viewers.map(({ socket }) => socket.given.at(-1)!);
		assert.equal(new Set(last).size, 1);
		const starts = viewers.map(({ socket }) => socket.given[1]!);
		assert.equal(new Set(starts.map(({ buffer }) => buffer)).size, 1, 'the GOP burst too');
		for (const { socket } of viewers) {
			assertContinuous(parseFlv(unchunk(socket.bytes).body).tags);
		}
	});

	it('serves different formats from one read without spoiling any', () => {
		stream.gop();
		const plain = subscribe(flvFormat);
		const chunked = subscribe(flvChunkedFormat);
		const other = subscribe({ ...flvChunkedFormat, key: 'another' });
		stream.gop();
		flush();
		const expected = plain.socket.bytes;
		assert.deepEqual(unchunk(chunked.socket.bytes).body, expected);
		assert.deepEqual(unchunk(other.socket.bytes).body, expected);
	});

	it('gives every viewer the same frames whenever it joins, without gap or repetition', () => {
		const viewers: Viewer[] = [];
		for (let step = 0; step < 200; step++) {
			stream.video(step % 12 === 0, 50 + ((step * 7919) % 5000));
			if (step % 3 === 0) {
				viewers.push(subscribe());
			}
			stream.audio();
			if (step % 5 === 0) {
				flush();
			}
		}
		flush();
		for (const viewer of viewers) {
			assertContinuous(tagsOf(viewer));
			assert.equal(serials(tagsOf(viewer)).at(-1), stream.serial);
		}
	});

	it('lets a viewer wait until the tracks are known and a keyframe is there', () => {
		makeHub(new LiveStream({ ready: false }));
		stream.audio();
		stream.video(false);
		const viewer = subscribe();
		flush();
		assert.equal(viewer.starts, 0);
		stream.makeReady();
		flush();
		assert.equal(viewer.socket.given.length, 0);
		stream.gop();
		flush();
		assert.equal(viewer.starts, 1);
		assertContinuous(tagsOf(viewer));
		assert.equal(serials(tagsOf(viewer))[0], 3);
	});

	it('starts a viewer of an audio-only stream a second back', () => {
		makeHub(new LiveStream({ video: false }));
		for (let frame = 0; frame < 40; frame++) {
			stream.writer.markStartPoint(stream.dtsMs);
			stream.audio();
			stream.dtsMs += 500;
		}
		const viewer = subscribe();
		assert.equal(parseFlv(viewer.socket.bytes).flags, 4);
		assert.deepEqual(serials(tagsOf(viewer)), [38, 39, 40]);
	});

	it('leaves a viewer whose socket is full at its cursor and brings it up when it drains', () => {
		stream.gop();
		const slow = subscribe();
		const fast = subscribe();
		slow.socket.stop();
		for (let round = 0; round < 50; round++) {
			stream.gop(10, 400);
			flush();
		}
		assert.equal(
			slow.socket.given.length,
			fast.socket.given.length - 49,
			'one Buffer is stuck, the rest is in the ring',
		);
		slow.socket.go();
		flush();
		stream.gop();
		flush();
		assert.deepEqual(slow.socket.bytes, fast.socket.bytes);
		assert.equal(slow.subscription.bytesOut, fast.subscription.bytesOut);
	});

	it('goes on by itself when the socket drains, without a flush', async () => {
		stream.gop();
		const slow = subscribe();
		slow.socket.stop();
		stream.video(false, 200_000);
		flush();
		stream.video(false, 200_000);
		flush();
		assert.equal(serials(tagsOf(slow)).at(-1), 20);
		slow.socket.go();
		await new Promise((resolve) => setImmediate(resolve));
		assert.equal(serials(tagsOf(slow)).at(-1), 22);
	});

	it('moves a lapped viewer to the newest keyframe and counts the skip', () => {
		stream.gop();
		const slow = subscribe();
		slow.socket.stop();
		for (let round = 0; round < 60; round++) {
			stream.gop(10, 8000);
			flush();
		}
		slow.socket.go();
		flush();
		assert.equal(slow.subscription.skips, 1);
		assert.equal(counters.stream(1, 'skips'), 1);
		assert.equal(assertDecodable(tagsOf(slow)), 1);
		assert.equal(serials(tagsOf(slow)).at(-1), stream.serial);
		assert.equal(tagsOf(slow).filter(isHeader).length, 3, 'headers that have not changed are not repeated');
	});

	it('gives up the place of a stuck viewer once it is gone, and counts that once', () => {
		stream.gop();
		const stuck = subscribe();
		stuck.socket.stop();
		for (let round = 0; round < 200; round++) {
			stream.gop(10, 8000);
			flush();
			hub.keepHouse(nowMs);
		}
		assert.equal(stuck.subscription.skips, 1);
		stuck.socket.go();
		flush();
		assert.equal(stuck.subscription.skips, 1);
		assert.equal(assertDecodable(tagsOf(stuck)), 1);
		assert.equal(serials(tagsOf(stuck)).at(-1), stream.serial);
	});

	it('tells a lapped viewer the sequence headers that it missed', () => {
		stream.gop();
		const slow = subscribe();
		slow.socket.stop();
		stream.video(false);
		flush();
		stream.changeHeaders([{ kind: RecordKind.videoHeader, trackId: 0, body: Buffer.from('1700000000ffee', 'hex') }]);
		for (let round = 0; round < 60; round++) {
			stream.gop(10, 8000);
			flush();
		}
		slow.socket.go();
		flush();
		const tags = tagsOf(slow);
		const headerAt = tags.findLastIndex(isHeader);
		assert.equal(tags[headerAt]!.body.toString('hex'), '1700000000ffee');
		assert.equal(tags[headerAt]!.dtsMs, tags[headerAt + 1]!.dtsMs);
		assert.equal(tags[headerAt + 1]!.body[0], 0x17);
		assertDecodable(tags);
	});

	it('passes changed sequence headers on in their place', () => {
		stream.gop();
		const viewer = subscribe();
		stream.changeHeaders([{ kind: RecordKind.videoHeader, trackId: 0, body: Buffer.from('1700000000ffee', 'hex') }]);
		const late = subscribe();
		flush();
		assert.equal(late.starts, 0, 'what lies before the change needs other headers');
		stream.gop();
		flush();
		assert.equal(tagsOf(viewer).filter(isHeader).length, 4);
		assert.equal(tagsOf(late).filter(isHeader).length, 1);
		assertContinuous(tagsOf(viewer));
		assertContinuous(tagsOf(late));
	});

	it('shares memory between viewers that are stuck at the same place', () => {
		makeHub(new LiveStream({ ringBytes: 2 ** 22 }));
		for (let frame = 0; frame < 300; frame++) {
			stream.video(frame === 0, 10_000);
		}
		const viewers = Array.from({ length: 500 }, () => {
			const socket = new GatedSocket();
			socket.stop();
			return subscribe(flvFormat, socket);
		});
		for (let round = 0; round < 20; round++) {
			stream.video(false, 10_000);
			flush();
		}
		const held = new Set(viewers.flatMap(({ socket }) => socket.given.map(({ buffer }) => buffer)));
		assert.ok(held.size <= 3, `${held.size} allocations`);
		for (const viewer of viewers) {
			assert.ok(viewer.socket.writableLength < 200_000);
		}
	});

	it('lets go of a viewer to whom nothing could be written for longer than the limit', () => {
		stream.gop();
		const stuck = subscribe();
		const live = subscribe();
		stuck.socket.stop();
		stream.video(false);
		flush();
		stream.video(false);
		flush();
		hub.keepHouse(nowMs + MAX_LAG_MS - 1);
		assert.deepEqual(stuck.ended, []);
		hub.keepHouse(nowMs + MAX_LAG_MS + 1);
		assert.deepEqual(stuck.ended, ['SUBSCRIBER_LAGGING']);
		assert.deepEqual(live.ended, []);
		assert.equal(counters.stream(1, 'lagClosed'), 1);
		assert.equal(hub.subscribers, 1);
		assert.equal(stuck.socket.listenerCount('drain'), 0);
	});

	it('keeps a slow viewer whose bytes move', () => {
		stream.gop();
		const slow = subscribe();
		for (let round = 0; round < 20; round++) {
			slow.socket.stop();
			for (let times = 0; times < 15; times++) {
				stream.gop(10, 10_000);
				flush();
			}
			nowMs += MAX_LAG_MS * 0.9;
			slow.socket.go();
			hub.keepHouse(nowMs);
		}
		assert.deepEqual(slow.ended, []);
		assert.ok(slow.subscription.skips > 3);
		assertDecodable(tagsOf(slow));
	});

	it('goes on over a change to a bigger ring', () => {
		stream.gop();
		const live = subscribe();
		const slow = subscribe();
		slow.socket.stop();
		for (let round = 0; round < 40; round++) {
			stream.gop(10, 400);
			if (round === 20) {
				stream.grow(2 ** 21);
				stream.gop(10, 400);
				flush();
				hub.replaceRing();
			}
			flush();
		}
		slow.socket.go();
		flush();
		assertContinuous(tagsOf(live));
		assert.equal(serials(tagsOf(live)).at(-1), stream.serial);
		assert.deepEqual(slow.socket.bytes, live.socket.bytes);
	});

	it('ends with the stream: what remains, the polite end, and then the news', () => {
		stream.gop();
		const live = subscribe(flvChunkedFormat);
		const slow = subscribe(flvChunkedFormat);
		const paused = subscribe(flvChunkedFormat);
		paused.subscription.pause();
		slow.socket.stop();
		stream.gop();
		flush();
		stream.gop();
		stream.end();
		flush();
		assert.deepEqual([live.ended, slow.ended, paused.ended], [['STREAM_ENDED'], [], ['STREAM_ENDED']]);
		slow.socket.go();
		flush();
		assert.deepEqual(slow.ended, ['STREAM_ENDED']);
		assert.equal(unchunk(live.socket.bytes).ended, true);
		assert.equal(serials(parseFlv(unchunk(live.socket.bytes).body).tags).at(-1), stream.serial);
		assert.deepEqual(unchunk(slow.socket.bytes).body, unchunk(live.socket.bytes).body);
		assert.equal(hub.subscribers, 0);
	});

	it('tells a viewer that never began that the stream ended, and writes nothing', () => {
		const viewer = subscribe(flvChunkedFormat);
		hub.endStream();
		flush();
		assert.deepEqual(viewer.ended, ['STREAM_ENDED']);
		assert.equal(viewer.subscription.started, false);
		assert.equal(viewer.socket.given.length, 0);
	});

	it('tells one who subscribes after the end, but not from within subscribe', () => {
		stream.gop();
		stream.end();
		flush();
		const viewer = subscribe();
		assert.deepEqual(viewer.ended, []);
		flush();
		assert.deepEqual(viewer.ended, ['STREAM_ENDED']);
	});

	it('counts bytes, viewers and, after the end, leaves its slot alone', () => {
		stream.gop();
		const viewers = [subscribe(), subscribe()];
		stream.gop();
		flush();
		const total = viewers.reduce((sum, { socket }) => sum + socket.bytes.length, 0);
		assert.equal(counters.stream(1, 'bytesOut:http-flv'), total);
		assert.equal(
			viewers.reduce((sum, { subscription }) => sum + subscription.bytesOut, 0),
			total,
		);
		assert.equal(counters.stream(1, 'current:http-flv'), 2);
		viewers[0]!.socket.stop();
		stream.gop();
		flush();
		stream.gop();
		hub.endStream();
		assert.equal(counters.stream(1, 'current:http-flv'), 0);
		assert.equal(counters.stream(0, 'current:http-flv'), 2);
		flush();
		assert.equal(counters.stream(0, 'current:http-flv'), 1);
		assert.deepEqual(viewers[0]!.ended, []);
	});

	it('writes nothing while paused and goes on at the newest keyframe', () => {
		stream.gop();
		const viewer = subscribe();
		viewer.subscription.pause();
		stream.gop();
		flush();
		stream.gop();
		flush();
		assert.equal(serials(tagsOf(viewer)).at(-1), 20);
		viewer.subscription.resume();
		assert.deepEqual(
			serials(tagsOf(viewer)).slice(20),
			serials(tagsOf(viewer))
				.slice(20)
				.map((_, index) => 41 + index),
		);
		assert.equal(viewer.subscription.skips, 0);
		stream.video(false);
		flush();
		assert.equal(serials(tagsOf(viewer)).at(-1), stream.serial);
		assertDecodable(tagsOf(viewer));
	});

	it('forgets a viewer that closes, at the edge or behind, with all its listeners', () => {
		stream.gop();
		const live = subscribe();
		const behind = subscribe();
		behind.socket.stop();
		stream.gop();
		flush();
		stream.gop();
		flush();
		for (const viewer of [live, behind, behind]) {
			viewer.subscription.close();
			assert.equal(viewer.socket.listenerCount('drain'), 0);
		}
		assert.equal(hub.subscribers, 0);
		const before = live.socket.given.length;
		stream.gop();
		flush();
		assert.equal(live.socket.given.length, before);
		assert.deepEqual([live.ended, behind.ended], [[], []]);
	});

	it('writes no empty chunk for a splice', () => {
		stream.gop();
		const viewer = subscribe(flvChunkedFormat);
		stream.splice();
		flush();
		stream.gop();
		flush();
		const { body, ended } = unchunk(viewer.socket.bytes);
		assert.equal(ended, false);
		assertContinuous(parseFlv(body).tags);
	});

	it('makes everyone skip when the thread itself came too late', () => {
		stream.gop();
		const viewer = subscribe();
		for (let round = 0; round < 60; round++) {
			stream.gop(10, 8000);
		}
		flush();
		assert.equal(viewer.subscription.skips, 1);
		assert.equal(assertDecodable(tagsOf(viewer)), 1);
		assert.equal(serials(tagsOf(viewer)).at(-1), stream.serial);
	});
});

describe('a hub set', () => {
	const makeSet = (stream: LiveStream, mergeWindow: 'auto' | number) => {
		const directory = new StreamDirectory([stream.info]);
		const counters = new Counters();
		const config = testConfig({ play: { mergeWindow } });
		const hubs = new HubSet({ directory, config, counters, log: pino({ level: 'silent' }) });
		return { directory, counters, hubs, config };
	};
	const subscribe = (hubs: HubSet, stream: LiveStream) => {
		const socket = new GatedSocket();
		let end: (code: ErrorCode) => void;
		const ended = new Promise<ErrorCode>((resolve) => {
			end = resolve;
		});
		const subscription = hubs.of(stream.info).subscribe({
			socket: socket.asSocket,
			format: flvFormat,
			counters: { bytesOut: 'bytesOut:http-flv', current: 'current:http-flv' },
			ended: (code) => end(code),
		});
		return { socket, subscription, ended };
	};
	for (const mergeWindow of ['auto', 0, 30] as const) {
		it(`wakes up for new records, a new ring and the end (merge window ${mergeWindow})`, async () => {
			const stream = new LiveStream();
			const { directory, hubs } = makeSet(stream, mergeWindow);
			stream.gop();
			const { socket, ended } = subscribe(hubs, stream);
			stream.gop();
			await until(() => serials(parseFlv(socket.bytes).tags).at(-1) === stream.serial);
			stream.grow(2 ** 21);
			stream.gop();
			directory.apply({ type: 'stream-ring', streamId: stream.info.streamId, ring: stream.info.ring });
			await until(() => serials(parseFlv(socket.bytes).tags).at(-1) === stream.serial);
			stream.gop();
			directory.apply({ type: 'stream-ended', streamId: stream.info.streamId });
			assert.equal(await ended, 'STREAM_ENDED');
			assertContinuous(parseFlv(socket.bytes).tags);
			assert.equal(serials(parseFlv(socket.bytes).tags).at(-1), stream.serial);
			assert.equal(hubs.subscribers, 0);
		});
	}

	it('merges what comes within a window into one write', async () => {
		const stream = new LiveStream();
		const { hubs } = makeSet(stream, 500);
		stream.gop();
		const { socket, subscription } = subscribe(hubs, stream);
		const before = socket.given.length;
		for (let frame = 0; frame < 12; frame++) {
			stream.video(false);
			await new Promise((resolve) => setImmediate(resolve));
		}
		await until(() => serials(parseFlv(socket.bytes).tags).at(-1) === stream.serial);
		assert.ok(socket.given.length - before <= 2);
		subscription.close();
	});

	it('takes over a new merge window', async () => {
		const stream = new LiveStream();
		const { hubs } = makeSet(stream, 1000);
		stream.gop();
		const { socket, subscription } = subscribe(hubs, stream);
		stream.gop();
		hubs.configure(testConfig({ apps: { live: { play: { mergeWindow: 0 } } } }));
		await until(() => serials(parseFlv(socket.bytes).tags).at(-1) === stream.serial);
		subscription.close();
	});

	it('keeps no hub without subscribers and wakes one up again for the next', async () => {
		const stream = new LiveStream();
		const { hubs, counters } = makeSet(stream, 0);
		stream.gop();
		const first = subscribe(hubs, stream);
		first.subscription.close();
		const flushes = counters.get('flushes');
		stream.gop();
		await new Promise((resolve) => setTimeout(resolve, 20));
		assert.equal(counters.get('flushes'), flushes);
		const second = subscribe(hubs, stream);
		stream.gop();
		await until(() => serials(parseFlv(second.socket.bytes).tags).at(-1) === stream.serial);
		assertContinuous(parseFlv(second.socket.bytes).tags);
		second.subscription.close();
	});

	it('ends one who comes when the stream has just ended', async () => {
		const stream = new LiveStream();
		const { hubs } = makeSet(stream, 0);
		stream.gop();
		stream.end();
		const { socket, ended } = subscribe(hubs, stream);
		await until(() => hubs.subscribers === 0);
		assert.equal(await ended, 'STREAM_ENDED');
		assertContinuous(parseFlv(socket.bytes).tags);
	});

	it('closes everyone', async () => {
		const stream = new LiveStream();
		const { hubs } = makeSet(stream, 0);
		stream.gop();
		const viewers = Array.from({ length: 5 }, () => subscribe(hubs, stream));
		hubs.closeAll('SERVER_STOPPING');
		assert.deepEqual(await Promise.all(viewers.map(({ ended }) => ended)), Array(5).fill('SERVER_STOPPING'));
	});
});
