import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PullOutput } from '#src/relay/pull-output.js';
import { RecordKind } from '#src/ring/layout.js';
import { RingReader } from '#src/ring/ring-reader.js';
import { streamName } from '#src/stream-name.js';
import { AAC_HEADER, AVC_HEADER } from '../support/flv-bodies.js';
import { RequestsWithCoordinator } from '../support/publish-requests.js';

type Frame = { tagType: number; timestampMs: number; body: Buffer };

const GOP = 10;

/** Pictures and sound 20 ms apart; every body ends with its serial number. */
function source(from: number, to: number, { startMs = 0, salt = 0 } = {}): Frame[] {
	return Array.from({ length: to - from }, (_, index) => {
		const serial = from + index;
		const isVideo = serial % 2 === 0;
		const body = Buffer.alloc(16, salt);
		body.set(isVideo ? [serial % GOP === 0 ? 0x17 : 0x27, 1, 0, 0, 0] : [0xaf, 1]);
		body.writeUInt32BE(serial, 12);
		return { tagType: isVideo ? 9 : 8, timestampMs: startMs + serial * 20, body };
	});
}

function newOutput(overrides: Record<string, unknown> = {}) {
	const coordinator = new RequestsWithCoordinator(overrides);
	const told: string[] = [];
	const output = new PullOutput({
		name: streamName('live', 'x'),
		requests: coordinator.requests,
		events: {
			fresh: () => undefined,
			joined: (how) => told.push(how),
			misplaced: () => told.push('misplaced'),
			over: (code) => told.push(code),
		},
	});
	const feed = (frames: readonly Frame[]): void => {
		output.tag(9, 0, AVC_HEADER);
		output.tag(8, 0, AAC_HEADER);
		for (const { tagType, timestampMs, body } of frames) {
			output.tag(tagType, timestampMs, body);
		}
	};
	/** Reads the ring: serial numbers and times of frames, and the number of records that are no frames. */
	const written = () => {
		const reader = new RingReader(coordinator.streams.get('live/x')!.info.ring);
		const batch = reader.read(0, 2 ** 20);
		assert.ok(batch !== null && typeof batch === 'object');
		const frames = batch.records.filter(({ kind }) => kind === RecordKind.audio || kind === RecordKind.video);
		return {
			serials: frames.map(({ offset, length }) => batch.bytes.readUInt32BE(offset + length - 8)),
			times: frames.map(({ dtsMs }) => dtsMs),
			headers: batch.records.filter(({ kind }) => kind === RecordKind.videoHeader).length,
			splices: batch.records.filter(({ kind }) => kind === RecordKind.splice).length,
		};
	};
	return { coordinator, output, told, feed, written };
}

const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, index) => from + index);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the output of a pull', () => {
	it('keeps the time of its upstream, and loses nothing while it asks for the right to publish', async () => {
		const { output, feed, written } = newOutput();
		output.begin('a', null);
		feed(source(0, 30, { startMs: 90_000 }));
		await settled();
		assert.deepEqual(written().serials, upTo(30));
		assert.equal(written().times[0], 90_000);
		assert.equal(output.onAir, true);
	});

	for (const shiftMs of [0, 5000]) {
		it(`goes on with another source whose time is shifted by ${shiftMs} ms, tag by tag`, async () => {
			const { output, told, feed, written } = newOutput();
			output.begin('a', null);
			feed(source(0, 37));
			await settled();
			output.begin('b', null);
			feed(source(20, 90, { startMs: shiftMs }));
			const { serials, times, headers, splices } = written();
			assert.deepEqual(serials, upTo(90));
			assert.deepEqual(
				times,
				upTo(90).map((serial) => serial * 20),
			);
			assert.deepEqual([headers, splices], [1, 0]);
			assert.deepEqual(told, ['continued']);
		});
	}

	it('splices a source that carries something else, at its keyframe and forward in time', async () => {
		const { output, told, feed, written } = newOutput();
		output.begin('a', null);
		feed(source(0, 37));
		await settled();
		output.begin('b', null);
		feed(source(24, 60, { salt: 7 }));
		const { serials, times, headers, splices } = written();
		assert.deepEqual(serials, [...upTo(37), ...upTo(60, 30)]);
		assert.ok(times.every((time, index) => index === 0 || time >= times[index - 1]!));
		assert.deepEqual([headers, splices], [1, 1]);
		assert.deepEqual(told, ['spliced']);
	});

	it('says where a source must begin, and finds out when its time is another one', async () => {
		const { output, told, feed, written } = newOutput();
		assert.equal(output.resumeMs, null);
		output.begin('a', null);
		feed(source(0, 37));
		await settled();
		assert.equal(output.resumeMs, 720, 'the newest picture, for sound may be ahead of the next keyframe');
		output.begin('b', 720);
		output.tag(9, 600, source(30, 31, { salt: 7 })[0]!.body);
		assert.deepEqual(told, ['misplaced']);
		assert.deepEqual(written().serials, upTo(37));
		output.begin('b', null);
		feed(source(40, 50, { salt: 7 }));
		assert.deepEqual(told, ['misplaced', 'spliced']);
	});

	it('is over when it may not publish, and when it is taken away', async () => {
		const refused = newOutput();
		refused.coordinator.grants = false;
		refused.output.begin('a', null);
		refused.feed(source(0, 5));
		refused.coordinator.refuseAll('STREAM_LIMIT', 'full');
		await settled();
		assert.deepEqual(refused.told, ['STREAM_LIMIT']);
		assert.equal(refused.output.onAir, false);

		const evicted = newOutput();
		evicted.output.begin('a', null);
		evicted.feed(source(0, 5));
		await settled();
		const { lastId: publicationId } = evicted.coordinator;
		evicted.coordinator.requests.handle({ type: 'revoke', publicationId, code: 'SESSION_KICKED', message: 'out' });
		assert.deepEqual(evicted.told, ['SESSION_KICKED']);
		assert.deepEqual(evicted.coordinator.news(), ['publication-released']);
	});

	it('ends for good when it is closed, also before it may publish', async () => {
		const { coordinator, output, feed } = newOutput();
		coordinator.grants = false;
		output.begin('a', null);
		feed(source(0, 5));
		output.close('STREAM_ENDED');
		coordinator.grantAll();
		await settled();
		const last = coordinator.told.at(-1)!;
		assert.ok(last.type === 'publication-ended' && last.final);
	});
});
