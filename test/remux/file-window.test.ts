import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { FileWindow } from '#src/remux/file-window.js';

const FILE_BYTES = 6 * 1024 * 1024;

describe('a window over a file', () => {
	const bytes = Buffer.alloc(FILE_BYTES);
	let directory: string;
	let fd: number;
	before(() => {
		for (let at = 0; at < FILE_BYTES; at += 4) {
			bytes.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
		}
		directory = mkdtempSync(path.join(tmpdir(), 'millrace-window-'));
		writeFileSync(path.join(directory, 'file'), bytes);
		fd = openSync(path.join(directory, 'file'), 'r');
	});
	after(() => {
		closeSync(fd);
		rmSync(directory, { recursive: true });
	});

	test('gives the bytes of any place, and fewer at the end', () => {
		const window = new FileWindow(fd, FILE_BYTES);
		const place = fc.tuple(
			fc.nat(FILE_BYTES + 10),
			fc.oneof(fc.nat(5000), fc.nat(FILE_BYTES)),
			fc.oneof(fc.constant(0), fc.nat(FILE_BYTES)),
		);
		fc.assert(
			fc.property(fc.array(place, { minLength: 1, maxLength: 20 }), (places) => {
				for (const [at, length, back] of places) {
					const view = window.bytesAt(at, length, Math.max(0, at - back));
					assert.ok(view.equals(bytes.subarray(at, at + length)), `${length} bytes at ${at}`);
				}
			}),
			{ interruptAfterTimeLimit: 1000, markInterruptAsFailure: false },
		);
	});

	test('is shared by tracks that lie close together, not by those far apart', () => {
		const window = new FileWindow(fd, FILE_BYTES);
		for (let at = 0; at < 2_000_000; at += 10_000) {
			assert.ok(window.reaches(at + 500_000, 1000, at), 'half a megabyte ahead');
			assert.ok(window.bytesAt(at + 500_000, 1000, at).equals(bytes.subarray(at + 500_000, at + 501_000)));
			assert.ok(window.reaches(at, 1000, at), 'what the other track has not read yet');
			assert.ok(window.bytesAt(at, 1000, at).equals(bytes.subarray(at, at + 1000)));
		}
		assert.equal(window.reaches(5_000_000, 1000, 2_000_000), false);
	});
});
