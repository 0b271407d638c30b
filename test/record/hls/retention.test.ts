import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PLAIN_PLAYLIST, serializeMediaPlaylist } from '#src/protocol/m3u8/media-playlist.js';
import { removeOldHls } from '#src/record/hls/retention.js';

describe('retention of HLS', () => {
	let root: string;
	let directory: string;
	const nowMs = 1_700_000_000_000;
	const isOpen = () => false;
	const rule = { nowMs, recording: false, isOpen };
	beforeEach(async () => {
		root = await mkdtemp(path.join(tmpdir(), 'millrace-hls-'));
		directory = path.join(root, 'a');
		await mkdir(directory);
		const plain = { discontinuity: false, map: null, key: null, programDateTimeMs: null, parts: [] };
		const segments = [{ ...plain, uri: 'segment_2.ts', duration: 4 }];
		await put('index.m3u8', 60, serializeMediaPlaylist({ ...PLAIN_PLAYLIST, targetDuration: 4, segments }));
		await put('segment_2.ts', 64);
		await put('segment_1.ts', 68);
		await put('index_1.m3u8', 3600);
	});
	afterEach(() => rm(root, { recursive: true }));

	async function put(name: string, ageSeconds: number, text = 'x'): Promise<void> {
		await writeFile(path.join(directory, name), text);
		await utimes(path.join(directory, name), nowMs / 1000 - ageSeconds, nowMs / 1000 - ageSeconds);
	}

	it('removes what is too old, but not what the playlist lists', async () => {
		assert.deepEqual(await removeOldHls(directory, { ...rule, maxAgeMs: 3600_000 }), []);
		assert.deepEqual(await removeOldHls(directory, { ...rule, maxAgeMs: 66_000 }), ['index_1.m3u8', 'segment_1.ts']);
		assert.deepEqual(await removeOldHls(directory, { ...rule, maxAgeMs: 62_000 }), []);
		assert.deepEqual(await removeOldHls(directory, { ...rule, maxAgeMs: 59_000 }), ['index.m3u8', 'segment_2.ts']);
		assert.deepEqual(await readdir(root), []);
	});

	it('removes a playlist of variants with the last of them', async () => {
		await writeFile(path.join(root, 'x.m3u8'), '#EXTM3U\na/index.m3u8\n');
		await writeFile(path.join(root, 'y.m3u8'), '#EXTM3U\na/index.m3u8\nb/index.m3u8\n');
		await mkdir(path.join(root, 'b'));
		await removeOldHls(directory, { ...rule, maxAgeMs: 1 });
		assert.deepEqual((await readdir(root)).sort(), ['b', 'y.m3u8']);
	});

	it('leaves the playlist of a stream alone that is live', async () => {
		const removed = await removeOldHls(directory, { ...rule, recording: true, maxAgeMs: 1 });
		assert.deepEqual(removed, ['index_1.m3u8', 'segment_1.ts']);
	});

	it('ends a playlist that nobody has ended', async () => {
		await removeOldHls(directory, { ...rule, nowMs: nowMs + 600_000, maxAgeMs: 86_400_000 });
		assert.match(await readFile(path.join(directory, 'index.m3u8'), 'utf8'), /#EXT-X-ENDLIST\n$/);
	});
});
