import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import {
	Figure,
	HEADER_BYTES,
	HEADER_DATA_BYTES,
	HEADER_SLOTS,
	MAX_RECORD_SHARE,
	RecordFlag,
	RecordKind,
	StreamFlag,
	viewRing,
	Word,
} from '#src/ring/layout.js';
import { RingControl } from '#src/ring/ring-control.js';
import { LAPPED, RingReader } from '#src/ring/ring-reader.js';
import { type HeaderSlot, RingWriter } from '#src/ring/ring-writer.js';
import { patternBody } from '../support/ring-model.js';

const SMALL = 4096;
const WORD_NAMES = new Map<number, string>(Object.entries(Word).map(([name, word]) => [word, name]));

function ringWith(
	capacityBytes = SMALL,
	start = 0,
): { writer: RingWriter; reader: RingReader; ring: SharedArrayBuffer } {
	const ring = RingWriter.allocate(capacityBytes, start);
	return { ring, writer: RingWriter.attach(ring, 0), reader: new RingReader(ring) };
}

function writeAudio(writer: RingWriter, dtsMs = 0, length = 10): boolean {
	return writer.write(RecordKind.audio, 0, 0, dtsMs, patternBody(1, length));
}

function writeKey(writer: RingWriter, dtsMs = 0, trackId = 0): boolean {
	return writer.write(RecordKind.video, RecordFlag.keyframe, trackId, dtsMs, patternBody(2, 10));
}

/**
 * Lists what the ring's writer does to shared words while `action` runs, with a copy of the record area at that moment.
 */
function observe(ring: SharedArrayBuffer, action: () => void): { did: string; bytes: Buffer }[] {
	const { words } = viewRing(ring);
	const seen: { did: string; bytes: Buffer }[] = [];
	const note = (did: string): void => {
		seen.push({ did, bytes: Buffer.from(new Uint8Array(ring, HEADER_BYTES)) });
	};
	const spies = (['store', 'add', 'notify'] as const).map((operation) => {
		const original = Atomics[operation] as (...args: unknown[]) => number;
		return mock.method(Atomics, operation, (array: Int32Array, index: number, ...rest: unknown[]) => {
			if (array.buffer === words.buffer) {
				note(`${operation} ${WORD_NAMES.get(index)}`);
			}
			return original(array, index, ...rest);
		});
	});
	try {
		action();
	} finally {
		for (const spy of spies) {
			spy.mock.restore();
		}
	}
	return seen;
}

describe('a ring writer', () => {
	it('says what it will overwrite, writes it, moves the tail, wakes who waits: in that order', () => {
		const { writer, ring, reader } = ringWith();
		writeAudio(writer);
		void reader.waitBeyond(reader.tail, 60_000);
		const before = Buffer.from(new Uint8Array(ring, HEADER_BYTES));
		const seen = observe(ring, () => writeAudio(writer, 20));
		assert.deepEqual(
			seen.map(({ did }) => did),
			['store tailIntent', 'store tail', 'notify tail'],
		);
		assert.deepEqual(seen[0]!.bytes, before, 'no byte is touched before the intent');
		const after = Buffer.from(new Uint8Array(ring, HEADER_BYTES));
		assert.deepEqual(seen[1]!.bytes, after, 'every byte is there before the tail moves');
		assert.notDeepEqual(before, after);
		assert.equal(reader.tail, writer.tail);
	});

	it('makes a keyframe a place to start only when it can be read', () => {
		const { writer, ring } = ringWith();
		const seen = observe(ring, () => writeKey(writer));
		assert.deepEqual(
			seen.map(({ did }) => did),
			['store tailIntent', 'store tail', 'store startPointCount'],
		);
	});

	it('notifies nobody once all who waited have been woken', async () => {
		const { writer, ring, reader } = ringWith();
		await reader.waitBeyond((reader.tail - 1) | 0, 60_000);
		const waiting = [reader.waitBeyond(reader.tail, 60_000), reader.waitBeyond(reader.tail, 60_000)];
		const keepAlive = setInterval(() => undefined, 1000);
		writeAudio(writer);
		await Promise.all(waiting);
		clearInterval(keepAlive);
		const seen = observe(ring, () => writeAudio(writer, 20));
		assert.deepEqual(
			seen.map(({ did }) => did),
			['store tailIntent', 'store tail'],
		);
	});

	it('brackets a change of headers with two steps of the version', () => {
		const { writer, ring, reader } = ringWith();
		const seen = observe(ring, () => writer.setHeaders([]));
		assert.deepEqual(
			seen.map(({ did }) => did),
			['add headersVersion', 'add headersVersion'],
		);
		assert.equal(reader.headersVersion, 2);
	});

	it('writes complete FLV tags, the time modulo 2^32', () => {
		const { writer, reader } = ringWith();
		writer.write(RecordKind.videoHeader, 0, 0, 2 ** 32 + 0x01_020304, Uint8Array.of(0xaa, 0xbb));
		const batch = reader.read(0, 1000);
		assert.ok(batch !== null && batch !== LAPPED);
		assert.equal(batch.bytes.toString('hex'), '09' + '000002' + '020304' + '01' + '000000' + 'aabb' + '0000000d');
		assert.equal(batch.records[0]!.dtsMs, 2 ** 32 + 0x01_020304);
	});

	it('keeps the newest time when a record is older', () => {
		const { writer, reader } = ringWith();
		writeAudio(writer, 100);
		writeAudio(writer, 80);
		assert.equal(reader.figure(Figure.lastDtsMs), 100);
	});

	it('takes a body of a quarter of the ring less its overhead, and refuses to be given more', () => {
		const { writer, reader } = ringWith();
		assert.equal(writer.maxBodyBytes, SMALL / MAX_RECORD_SHARE - 24 - 15);
		assert.equal(writeAudio(writer, 0, writer.maxBodyBytes), true);
		assert.equal(reader.tail * 8, SMALL / MAX_RECORD_SHARE);
		assert.throws(() => writeAudio(writer, 0, writer.maxBodyBytes + 1), { name: 'InvariantError' });
	});

	it('wakes who waits', async () => {
		const { writer, reader } = ringWith();
		const waiting = reader.waitBeyond(reader.tail, 60_000);
		// A pending waitAsync does not keep the process alive.
		const keepAlive = setInterval(() => writeAudio(writer), 1);
		await waiting;
		clearInterval(keepAlive);
		await reader.waitBeyond((reader.tail - 1) | 0, 60_000);
	});
});

describe('a fenced writer', () => {
	it('changes nothing', () => {
		const { ring, writer, reader } = ringWith();
		writeKey(writer);
		const control = new RingControl(ring);
		RingWriter.attach(ring, control.grantWriter());
		const before = Buffer.from(new Uint8Array(ring));
		assert.equal(writer.fenced, true);
		assert.equal(writeAudio(writer), false);
		assert.equal(writer.setHeaders([{ kind: RecordKind.script, trackId: 0, body: patternBody(1, 5) }]), false);
		writer.markStartPoint(5);
		writer.clearStartPoints();
		writer.setFlags(StreamFlag.hasAudio);
		assert.ok(before.equals(Buffer.from(new Uint8Array(ring))));
		assert.notEqual(reader.startPosition(0), null);
	});

	it('is the one whose ring has been replaced by a bigger one', () => {
		const { writer } = ringWith();
		const bigger = writer.grow(SMALL * 2);
		assert.equal(writeAudio(writer), false);
		assert.equal(writeAudio(bigger), true);
	});
});

describe('a writer that takes over from one that died in the middle', () => {
	it('goes on at the tail, and what the dead one had overwritten is lost to readers, not torn', () => {
		const { ring, writer, reader } = ringWith();
		const starts: number[] = [];
		while (starts.length < 60) {
			starts.push(writer.tail);
			writeAudio(writer, starts.length, 100);
		}
		// Dies after its intent, having overwritten the oldest record that was still readable.
		const units = SMALL / 8;
		const oldest = starts.find((start) => reader.isReadable(start))!;
		const { words } = viewRing(ring);
		const intent = (oldest + units + 1) | 0;
		Atomics.store(words, Word.tailIntent, intent);
		new Uint8Array(ring).fill(
			0xee,
			HEADER_BYTES + (oldest & (units - 1)) * 8,
			HEADER_BYTES + (oldest & (units - 1)) * 8 + 8,
		);

		const next = RingWriter.attach(ring, new RingControl(ring).grantWriter());
		assert.equal(reader.isReadable(oldest), false);
		assert.equal(reader.read(oldest, 1e6), LAPPED);
		assert.ok(reader.isReadable((oldest + 1) | 0));
		writeAudio(next, 61);
		const batch = reader.read(starts.at(-1)!, 1e6);
		assert.ok(batch !== null && batch !== LAPPED);
		assert.deepEqual(
			batch.records.map(({ dtsMs }) => dtsMs),
			[60, 61],
		);
	});

	it('empties headers that the dead one was replacing', () => {
		const { ring, writer, reader } = ringWith();
		writer.setHeaders([{ kind: RecordKind.script, trackId: 0, body: patternBody(1, 5) }]);
		Atomics.add(viewRing(ring).words, Word.headersVersion, 1);
		const during = reader.readHeaders();
		assert.deepEqual([during.version % 2, during.slots], [1, []]);
		const next = RingWriter.attach(ring, new RingControl(ring).grantWriter());
		assert.deepEqual(reader.readHeaders().slots, []);
		assert.notEqual(reader.headersVersion, during.version);
		assert.equal(next.setHeaders([{ kind: RecordKind.script, trackId: 3, body: patternBody(2, 5) }]), true);
		assert.equal(reader.readHeaders().slots[0]!.trackId, 3);
	});
});

describe('headers', () => {
	const slot = (kind: RecordKind, trackId: number, length: number): HeaderSlot => ({
		kind,
		trackId,
		body: patternBody(trackId, length),
	});

	it('come back as they were set, whole, and as copies', () => {
		const { writer, reader } = ringWith();
		const slots = [
			slot(RecordKind.script, 0, 300),
			slot(RecordKind.videoHeader, 0, 40),
			slot(RecordKind.audioHeader, 255, 0),
		];
		assert.equal(writer.setHeaders(slots), true);
		const { version, slots: read } = reader.readHeaders();
		assert.deepEqual(
			read.map(({ kind, trackId, body }) => [kind, trackId, [...body]]),
			slots.map(({ kind, trackId, body }) => [kind, trackId, [...body]]),
		);
		writer.setHeaders([]);
		assert.deepEqual([...read[0]!.body], [...slots[0]!.body]);
		assert.notEqual(reader.headersVersion, version);
		assert.deepEqual(reader.readHeaders().slots, []);
	});

	it('fill all slots and all bytes, and not one more', () => {
		const { writer, reader } = ringWith();
		const share = HEADER_DATA_BYTES / HEADER_SLOTS;
		const full = Array.from({ length: HEADER_SLOTS }, (_, index) => slot(RecordKind.videoHeader, index, share));
		assert.equal(writer.setHeaders(full), true);
		assert.equal(reader.readHeaders().slots.length, HEADER_SLOTS);
		assert.equal(writer.setHeaders([...full, slot(RecordKind.audioHeader, 0, 0)]), false);
		assert.equal(
			writer.setHeaders(full.map((each, index) => (index === 3 ? slot(each.kind, 3, share + 1) : each))),
			false,
		);
		assert.equal(reader.readHeaders().slots.length, HEADER_SLOTS, 'what was there stays');
	});
});

describe('start points', () => {
	it('of a stream with video are its newest keyframe, of track 0, that is still in the ring', () => {
		const { writer, reader } = ringWith();
		writer.setFlags(StreamFlag.hasVideo | StreamFlag.hasAudio);
		assert.equal(reader.startPosition(0), null);
		writeAudio(writer);
		const key = writer.tail;
		writeKey(writer, 0);
		writeAudio(writer);
		writeKey(writer, 0, 1);
		assert.equal(reader.startPosition(0), key);
		assert.equal(reader.startPosition(1e9), key);
		while (reader.isReadable(key)) {
			assert.equal(reader.startPosition(0), key);
			writeAudio(writer);
		}
		assert.equal(reader.startPosition(0), null);
	});

	it('for a relay that goes on lie in front of where it is, in time modulo 2^32, or nowhere', () => {
		const { writer, reader } = ringWith();
		writer.setFlags(StreamFlag.hasVideo);
		const beginMs = 2 ** 32 - 1500;
		const keys = [0, 1000, 2000].map((afterMs) => {
			const position = writer.tail;
			writeKey(writer, beginMs + afterMs);
			return position;
		});
		const startAt = (afterMs: number): number | null => reader.startBefore((beginMs + afterMs) % 2 ** 32);
		assert.deepEqual([0, 999, 1000, 1999, 2000].map(startAt), [keys[0], keys[0], keys[1], keys[1], keys[2]]);
		assert.deepEqual([-1, 2001, 5000].map(startAt), [null, null, null]);
	});

	it('of an audio-only stream lie as far back as asked for, or as far as there are any', () => {
		const { writer, reader } = ringWith(64 * 1024);
		writer.setFlags(StreamFlag.hasAudio);
		const marks = new Map<number, number>();
		for (let dtsMs = 0; dtsMs <= 10_000; dtsMs += 100) {
			if (dtsMs % 500 === 0) {
				marks.set(dtsMs, writer.tail);
				writer.markStartPoint(dtsMs);
			}
			writeAudio(writer, dtsMs);
		}
		assert.equal(reader.startPosition(0), marks.get(10_000));
		assert.equal(reader.startPosition(1000), marks.get(9000));
		assert.equal(reader.startPosition(1100), marks.get(8500));
		assert.equal(
			reader.startPosition(60_000),
			marks.get(7000),
			'the table keeps seven that no writer is about to replace',
		);
	});

	it('are no older than what is still in the ring', () => {
		const { writer, reader } = ringWith();
		writer.setFlags(StreamFlag.hasAudio);
		for (let dtsMs = 0; dtsMs <= 100_000; dtsMs += 500) {
			writer.markStartPoint(dtsMs);
			writeAudio(writer, dtsMs, 600);
			const start = reader.startPosition(60_000)!;
			assert.ok(reader.isReadable(start));
		}
	});

	it('are forgotten when what lies before needs other headers, but cursors stay', () => {
		const { writer, reader } = ringWith();
		writer.setFlags(StreamFlag.hasVideo);
		writeKey(writer);
		writer.clearStartPoints();
		assert.equal(reader.startPosition(0), null);
		assert.notEqual(reader.read(0, 1000), LAPPED);
		const key = writer.tail;
		writeKey(writer);
		assert.equal(reader.startPosition(0), key);
	});
});

describe('a ring that grows', () => {
	it('keeps everything that can still be read at unchanged positions', () => {
		const { writer, reader, ring } = ringWith();
		writer.setFlags(StreamFlag.hasVideo | StreamFlag.ready);
		writer.setHeaders([{ kind: RecordKind.script, trackId: 0, body: patternBody(9, 50) }]);
		for (let index = 0; index < 50; index++) {
			writeAudio(writer, index, 100 + index);
		}
		const key = writer.tail;
		writeKey(writer, 50);
		let cursor = key;
		while (reader.isReadable(cursor - 1)) {
			cursor -= 1;
		}
		const before = reader.read(key, 1e6);
		const bigger = writer.grow(SMALL * 4);
		assert.equal(reader.replaced, true);
		const bigReader = new RingReader(bigger.ring);
		assert.equal(bigReader.replaced, false);
		assert.deepEqual(bigReader.read(key, 1e6), before);
		assert.equal(bigReader.startPosition(0), key);
		assert.equal(bigReader.flags, reader.flags);
		assert.deepEqual(bigReader.readHeaders(), reader.readHeaders());
		assert.ok(bigReader.isReadable(cursor) && !bigReader.isReadable(cursor - 1));
		assert.equal(bigger.tail, writer.tail);
		assert.notEqual(bigger.ring, ring);
		writeAudio(bigger, 51, writer.maxBodyBytes * 3);
		const after = bigReader.read(key, 1e6);
		assert.ok(after !== null && after !== LAPPED && after.records.length === 2);
	});

	it('wakes who waits at the old one', async () => {
		const { writer, reader } = ringWith();
		const waiting = reader.waitBeyond(reader.tail, 60_000);
		const timer = setTimeout(() => writer.grow(SMALL * 2), 1);
		await waiting;
		clearTimeout(timer);
		assert.equal(reader.replaced, true);
	});

	it('leaves the old ring to its successor when it was fenced meanwhile', () => {
		const { ring, writer, reader } = ringWith();
		const successor = RingWriter.attach(ring, new RingControl(ring).grantWriter());
		writer.grow(SMALL * 2);
		assert.equal(reader.replaced, false);
		assert.equal(writeAudio(successor), true);
	});
});

describe('a stream of many gigabytes', () => {
	/** Moves an idle ring on by `units` as if that much had been written, in steps that `distance` can follow. */
	function skipAhead(ring: SharedArrayBuffer, units: number): RingWriter {
		const { words } = viewRing(ring);
		let writer = RingWriter.attach(ring, 0);
		for (let left = units; left > 0; ) {
			const step = Math.min(left, 2 ** 27);
			const position = (writer.tail + step) | 0;
			Atomics.store(words, Word.tailIntent, position);
			Atomics.store(words, Word.tail, position);
			writer = RingWriter.attach(ring, 0);
			writeAudio(writer);
			left -= step;
		}
		return writer;
	}

	it('can be read and started from after any multiple of what a position can count', () => {
		for (const gibibytes of [3, 9, 15, 17, 31, 32, 33]) {
			const { ring, writer, reader } = ringWith();
			writer.setFlags(StreamFlag.hasVideo);
			writeKey(writer, 1);
			const late = skipAhead(ring, gibibytes * 2 ** 27);
			assert.equal(reader.startPosition(0), null, `a keyframe of ${gibibytes} GiB ago is no place to start`);
			const key = late.tail;
			writeKey(late, 2);
			writeAudio(late, 3);
			assert.equal(reader.startPosition(0), key);
			const batch = reader.read(key, 1000);
			assert.ok(batch !== null && batch !== LAPPED);
			assert.deepEqual(
				batch.records.map(({ dtsMs }) => dtsMs),
				[2, 3],
			);
			const bigger = new RingReader(late.grow(SMALL * 2).ring);
			assert.equal(bigger.startPosition(0), key);
		}
	});

	it('takes a cursor from far behind or ahead for lapped, never for readable', () => {
		const { writer, reader } = ringWith();
		writeAudio(writer);
		for (const cursor of [1e6, -1e6, 2 ** 30, -(2 ** 30), 2 ** 31 - 1, -(2 ** 31)]) {
			assert.equal(reader.isReadable(cursor), false);
			assert.equal(reader.read(cursor, 100), LAPPED);
		}
	});
});
