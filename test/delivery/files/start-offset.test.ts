import assert from 'node:assert/strict';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { FileSource, Wanted } from '#src/delivery/files/file-source.js';
import { type Body, fileRepresentation, type Representation } from '#src/delivery/files/representation.js';
import { StartOffset } from '#src/delivery/files/start-offset.js';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { playlistViolations } from '#src/protocol/m3u8/playlist-rules.js';

const PLAYLIST = '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nsegment_1.m4s\n';

/** A source that has PLAYLIST under every name. */
function sourceOf(body: Body): FileSource {
	const has = fileRepresentation(
		{ name: 'index.m3u8', sizeBytes: PLAYLIST.length, mtimeMs: 1000, ownName: true },
		body,
	);
	return { hot: () => (Buffer.isBuffer(body) ? has : null), find: () => Promise.resolve(has) };
}

async function ask(source: FileSource, local: string, query: string): Promise<Representation> {
	const wanted = { local, query } as Wanted;
	const supply = source.hot(wanted) ?? (await source.find(wanted));
	assert.ok(supply !== null && typeof supply !== 'function');
	return supply;
}

test('a playlist that is asked for with a start says where to start', async (t) => {
	const directory = await mkdtemp(path.join(tmpdir(), 'start-offset-'));
	t.after(() => rm(directory, { recursive: true }));
	const file = path.join(directory, 'index.m3u8');
	await writeFile(file, PLAYLIST);
	for (const body of [Buffer.from(PLAYLIST), await open(file)]) {
		const answer = await ask(new StartOffset(sourceOf(body)), '/mp4/a/b/index.m3u8', '?start=-600&x');
		const text = answer.body.toString();
		assert.equal(text, PLAYLIST.replace('\n', '\n#EXT-X-START:TIME-OFFSET=-600,PRECISE=YES\n'));
		assert.equal(answer.sizeBytes, text.length);
		assert.deepEqual(playlistViolations(parseMediaPlaylist(text)), []);
	}
});

test('each start is a version of its own', async () => {
	const source = new StartOffset(sourceOf(Buffer.from(PLAYLIST)));
	const queries = ['', '?start=-600', '?start=-60', '?start=30.5'];
	const tags = await Promise.all(queries.map(async (query) => (await ask(source, '/index.m3u8', query)).etag));
	assert.equal(new Set(tags).size, queries.length);
});

test('anything else comes as it is', async () => {
	const body = Buffer.from(PLAYLIST);
	const source = new StartOffset(sourceOf(body));
	for (const [local, query] of [
		['/index.m3u8', ''],
		['/index.m3u8', '?start=now'],
		['/index.m3u8', '?start=-1%0A%23EXT-X-ENDLIST'],
		['/segment_1.ts', '?start=-600'],
	] as const) {
		assert.equal((await ask(source, local, query)).body, body, local + query);
	}
});
