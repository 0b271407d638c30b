import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { publish } from '../support/publish.js';
import { startServer } from '../support/test-server.js';
import { tool } from '../support/tool-program.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PLAYLIST =
	'#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXTINF:4.0,\na.ts\n#EXTINF:9.5,\nb.ts\n#EXT-X-ENDLIST\n';

describe('millrace doctor', () => {
	it('says what a file is, with 0 when nothing is wrong and 1 when something is', async (t) => {
		const good = await tool(t, 'doctor', [join(ROOT, 'bench/fixtures/bar.flv')]).succeed();
		assert.match(
			good,
			/video {2}h264 \(avc1\.64001e\), 640x360, 25\.00 frames\/s\n[\s\S]*B-frames\n[\s\S]*All is well\.\n$/,
		);
		const mp4 = await tool(t, 'doctor', [join(ROOT, 'test/fixtures/hevc-opus.mp4'), '--json']).succeed();
		assert.equal(JSON.parse(mp4)[0].details[0].codecString, 'hvc1.1.6.L60.90');
		const bad = tool(t, 'doctor', [join(ROOT, 'package.json')]);
		assert.equal(await bad.exit(), 1);
		assert.match(bad.stderr, /is neither FLV nor MP4 nor MPEG-TS\n$/);
		assert.equal(await tool(t, 'doctor', []).exit(), 2);
	});

	it('watches a live stream and its playlist', async (t) => {
		const server = await startServer(t);
		await publish(t, server.rtmpUrl('live/d'));
		for (const url of [server.httpUrl('live/d.flv'), server.rtmpUrl('live/d')]) {
			const live = await tool(t, 'doctor', [url, '--duration', '3']).succeed();
			assert.match(live, /audio {2}aac \(mp4a\.40\.2\), 48000 Hz, 2 channels/);
		}
		const absent = tool(t, 'doctor', [server.httpUrl('live/absent.flv')]);
		assert.equal(await absent.exit(), 1);
		assert.match(absent.stderr, /The stream is not live: HTTP 404/);
	});

	it('holds playlists against the rules, also those that a multivariant playlist lists', async (t) => {
		const server = await startServer(t);
		const [media, master] = [join(server.directory, 'media.m3u8'), join(server.directory, 'master.m3u8')];
		writeFileSync(media, PLAYLIST);
		writeFileSync(master, '#EXTM3U\n#EXT-X-STREAM-INF:CODECS="avc1.64001e"\nmedia.m3u8\n');
		const broken = tool(t, 'doctor', [master]);
		assert.equal(await broken.exit(), 1, broken.stderr);
		assert.match(broken.stdout, /multivariant playlist, 1 variants\n {2}FAULT {3}media\.m3u8 has no BANDWIDTH/);
		assert.match(broken.stdout, /FAULT {3}reload 1: EXTINF 9\.5 of b\.ts over target 4\./);
		writeFileSync(media, PLAYLIST.replace('9.5', '3.5'));
		assert.match(await tool(t, 'doctor', [media]).succeed(), /complete media playlist[\s\S]*All is well/);
		writeFileSync(media, '#EXTM3U\n#EXTINF:x,\n');
		assert.equal(await tool(t, 'doctor', [media]).exit(), 1);
	});
});
