import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DiskQueue } from '#src/record/disk/disk-queue.js';
import { type DiskOp, DiskRole } from '#src/record/disk/disk-role.js';
import { PlaylistFile, parseGrowingPlaylist } from '#src/record/disk/playlist-file.js';

describe('the thread for the disk', () => {
	let root: string;
	beforeEach(() => {
		root = mkdtempSync(path.join(tmpdir(), 'millrace-disk-'));
	});
	afterEach(() => rmSync(root, { recursive: true }));

	const at = (name: string): string => path.join(root, name);

	it('does what an owner orders in order, up to the first failure, and reports it once', () => {
		const disk = new DiskRole();
		const page = Buffer.from('one two ');
		const ops: DiskOp[] = [
			{ type: 'create', owner: 1, file: 7, path: at('a.tmp') },
			{ type: 'append', owner: 1, file: 7, at: 0, length: 4 },
			{ type: 'rename', owner: 1, from: at('nowhere'), to: at('b') },
			{ type: 'append', owner: 1, file: 7, at: 4, length: 4 },
			{ type: 'write-whole', owner: 2, path: at('c'), at: 4, length: 3 },
			{ type: 'report', owner: 1, id: 10 },
			{ type: 'report', owner: 2, id: 11 },
			{ type: 'report', owner: 1, id: 12 },
		];
		const reports = disk.perform(page, ops);
		assert.deepEqual(
			reports.map(({ id, failure }) => [id, failure?.code ?? null]),
			[
				[10, 'ENOENT'],
				[11, null],
				[12, null],
			],
		);
		assert.equal(readFileSync(at('a.tmp'), 'utf8'), 'one ');
		assert.equal(readFileSync(at('c'), 'utf8'), 'two');
	});

	it('says EBADF of a file that it does not have, as after a failure that closed all of its owner', () => {
		const disk = new DiskRole();
		const page = Buffer.from('x');
		disk.perform(page, [
			{ type: 'create', owner: 1, file: 7, path: at('a') },
			{ type: 'abandon', owner: 1 },
		]);
		const [report] = disk.perform(page, [
			{ type: 'append', owner: 1, file: 7, at: 0, length: 1 },
			{ type: 'report', owner: 1, id: 1 },
		]);
		assert.equal(report?.failure?.code, 'EBADF');
	});

	it('says why the disk did not take an append', () => {
		const disk = new DiskRole();
		const [report] = disk.perform(Buffer.from('x'), [
			{ type: 'create', owner: 1, file: 7, path: '/dev/full' },
			{ type: 'append', owner: 1, file: 7, at: 0, length: 1 },
			{ type: 'report', owner: 1, id: 1 },
		]);
		assert.equal(report?.failure?.code, 'ENOSPC');
	});

	it('takes more than a page of bytes, and keeps what it was given though the caller uses the memory again', async () => {
		const queue = new DiskQueue('test');
		const bytes = Buffer.alloc(3_000_000, 'a');
		const file = queue.create(at('large'));
		queue.append(file, [bytes, Buffer.from('end')]);
		bytes.fill('b');
		queue.append(file, [bytes.subarray(0, 5)]);
		queue.close(file);
		await queue.flush();
		const written = readFileSync(at('large'));
		assert.equal(written.length, 3_000_008);
		assert.equal(written.toString('latin1', 2_999_998), 'aaendbbbbb');
		queue.writeWhole(path.join(root, 'no', 'directory'), [bytes]);
		await assert.rejects(queue.flush(), { code: 'ENOENT' });
		queue.remove(at('large'));
		await queue.flush();
		assert.equal(existsSync(at('large')), false);
	});

	it('lets no line of a growing playlist cross a page of the file, and reads what a killed server has left', async () => {
		const queue = new DiskQueue('test');
		const playlist = new PlaylistFile(at('index.m3u8'), queue);
		playlist.write('#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:1\n');
		for (let number = 1; number <= 400; number++) {
			playlist.append(`#EXTINF:4.00000,\nsegment_${number}.ts\n`);
		}
		playlist.close();
		await queue.flush();
		const text = readFileSync(at('index.m3u8'), 'utf8');
		assert.ok(text.length > 8192);
		for (let page = 4096; page < text.length; page += 4096) {
			assert.equal(text.slice(page - 1, page + 8), '\n#EXTINF:');
		}
		assert.equal(parseGrowingPlaylist(text)?.segments.length, 400);
		for (const cut of [1, 5, 14, 20]) {
			assert.equal(
				parseGrowingPlaylist(text.slice(0, -cut))?.segments.at(-1)?.uri,
				'segment_399.ts',
				`${cut} bytes less`,
			);
		}
		assert.equal(parseGrowingPlaylist('#EXTM3U\n#EXT-X-TARG'), null);
	});
});
