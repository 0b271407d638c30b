import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { patient } from '../support/patience.js';
import { ffmpegPush } from '../support/push.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';

const CLIP = fileURLToPath(BAR_CLIP);
const PLAYLIST = 'hls/live/shared/live.m3u8';
const PLAYERS = 8;
const RELOADS = 15;

/** A connection of its own for each request, so that all threads answer. */
function get(url: string | URL): Promise<Response> {
	return fetch(url, { headers: { connection: 'close' } });
}

async function filesAnswered(server: ServerProcess): Promise<number> {
	const text = await (await fetch(server.adminUrl('metrics'))).text();
	const counts = [...text.matchAll(/^millrace_file_requests_total\{.*\} (\d+)$/gm)];
	return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

test('LL-HLS through a file gateway: what its players wait for together is one request at the origin', {
	skip: missing('ffmpeg'),
	timeout: patient(60_000),
}, async (t) => {
	const origin = await startServer(t, { config: { record: { flv: false, fmp4: false, hls: false } } });
	const upstream = `http://127.0.0.1:${origin.ports.files}`;
	const gateway = await startServer(t, {
		role: 'file-gateway',
		args: ['--upstream', upstream],
		config: { threads: { delivery: 2 } },
	});
	ffmpegPush(t, CLIP, origin.rtmpUrl('live/shared'), ['-stream_loop', '-1']);
	const url = `http://127.0.0.1:${gateway.ports.files}/${PLAYLIST}`;
	const checker = new PlaylistChecker();
	await until('there is a playlist', async () => (await get(url)).ok);
	let playlist = checker.see(await (await get(url)).text());

	/** Every player asks at once; each must get the same. */
	const together = async (target: string | URL): Promise<Buffer> => {
		const bodies = await Promise.all(
			Array.from({ length: PLAYERS }, async () => {
				const response = await get(target);
				assert.equal(response.status, 200, `${target}`);
				return Buffer.from(await response.arrayBuffer());
			}),
		);
		assert.ok(bodies.every((body) => body.equals(bodies[0]!)));
		return bodies[0]!;
	};
	const before = await filesAnswered(origin);
	const parts = new Map<string, Buffer>();
	for (let reload = 0; reload < RELOADS; reload++) {
		const msn = playlist.mediaSequence + playlist.segments.length;
		const part = playlist.openSegment?.parts.length ?? 0;
		const text = (await together(`${url}?_HLS_msn=${msn}&_HLS_part=${part}`)).toString();
		playlist = checker.see(text);
		const { segments, openSegment } = parseMediaPlaylist(text);
		const newest = [...(segments.at(-1)?.parts ?? []), ...(openSegment?.parts ?? [])].at(-1)!.uri;
		parts.set(newest, await together(new URL(newest, url)));
	}
	assert.deepEqual(checker.violations, []);
	assert.equal(parts.size, RELOADS, 'each reload brings a part');
	assert.equal((await filesAnswered(origin)) - before, 2 * RELOADS, 'requests for playlists and parts');
	for (const [uri, body] of parts) {
		const original = await get(new URL(uri, `${upstream}/${PLAYLIST}`));
		assert.ok(body.equals(Buffer.from(await original.arrayBuffer())), uri);
	}
});
