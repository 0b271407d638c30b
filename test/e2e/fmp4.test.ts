import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { decode } from '../support/decoded.js';
import { patient, slowed } from '../support/patience.js';
import { childrenOf } from '../support/processes.js';
import { publish } from '../support/publish.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { sleep, until } from '../support/until.js';

const FMP4_ONLY = { flv: false, hls: false, fmp4: true, minFree: 0 };
const OUTPUTS = ['output_merge/index.m3u8', 'output_separate/video.m3u8', 'output_separate/audio.m3u8'];
/** A segment is two GOPs of the clip, a fragment a second. */
const SHORT = { segment: '3s', maxSegment: '8s' };
const FRAGMENT_MS = 1000;
/** Fifty kills of recorders alone are in killed-recorders.test.ts. */
const WHOLE_SERVER_KILLS = 2;

test('a publisher that comes back, and one that takes over, leave one take with one discontinuity each', {
	skip: missing('ffmpeg', 'ffprobe'),
	timeout: patient(120_000),
}, async (t) => {
	const server = await startServer(t, {
		config: { record: FMP4_ONLY, hls: SHORT, publish: { grace: `${slowed(8000)}ms`, conflict: 'takeover' } },
	});
	const home = path.join(server.media, 'mp4', 'live', 'a');
	const checkers = OUTPUTS.map(() => new PlaylistChecker());
	const look = (): void => {
		for (const [index, output] of OUTPUTS.entries()) {
			const file = path.join(home, output);
			if (existsSync(file)) {
				checkers[index]!.see(readFileSync(file, 'utf8'));
			}
		}
	};
	const segments = async (count: number): Promise<void> => {
		await until(`${count} segments`, () => {
			look();
			return listedIn(path.join(home, OUTPUTS[0]!)) >= count;
		});
	};
	const first = await publish(t, server.rtmpUrl('live/a'));
	await segments(2);
	first.close();
	await sleep(700);
	await publish(t, server.httpUrl('live/a'));
	await segments(4);
	const third = await publish(t, server.wsUrl('live/a'));
	await segments(6);
	third.close();
	await until('the MP4 is there', () => existsSync(path.join(home, 'output_merge', 'a_full.mp4')), 60_000);
	look();
	assert.equal(takesIn(home).length, 1);
	for (const [index, checker] of checkers.entries()) {
		assert.deepEqual(checker.violations, [], OUTPUTS[index]);
		const { segments, ended } = parseMediaPlaylist(readFileSync(path.join(home, OUTPUTS[index]!), 'utf8'));
		assert.equal(segments.filter(({ discontinuity }) => discontinuity).length, 2, OUTPUTS[index]);
		assert.equal(new Set(segments.map(({ map }) => map)).size, 1, 'equal tracks share their init segment');
		assert(ended);
	}
	// A source that is cut off leaves a picture that was to be shown behind others which never came.
	const cutOff = /Non-monotonous DTS/;
	const mp4 = await decode(t, path.join(home, 'output_merge', 'a_full.mp4'), [], cutOff);
	const merged = await decode(t, path.join(home, OUTPUTS[0]!), [], cutOff);
	assert.deepEqual(mp4.hashes, merged.hashes, 'the MP4 has the frames of the segments');
	assert(mp4.hashes.video.length > 300);
});

test('a server killed at any moment leaves takes that lose no more than a fragment', {
	skip: missing('ffmpeg', 'ffprobe'),
	timeout: patient(180_000),
}, async (t) => {
	const server = await startServer(t, { config: { record: FMP4_ONLY, hls: SHORT, publish: { grace: '1s' } } });
	const home = path.join(server.media, 'mp4', 'live', 'a');
	for (let kill = 1; kill <= WHOLE_SERVER_KILLS; kill++) {
		await until('the server is back', async () => (await fetch(server.adminUrl('readyz'))).status === 200);
		const publisher = await publish(t, server.rtmpUrl('live/a'));
		await until('a take begins', () => takesIn(home).length === kill);
		const [take] = takesIn(home).slice(-1);
		const startedAtMs = performance.now();
		await sleep(1500 + Math.random() * 7000);
		const recordedMs = performance.now() - startedAtMs;
		const [child] = childrenOf(server.pid);
		process.kill(child!, 'SIGKILL');
		publisher.close();
		await until('it is gone', () => !childrenOf(server.pid).includes(child!));
		await checkRecovered(t, server, path.join(home, take!), recordedMs);
	}
});

async function checkRecovered(t: TestContext, server: ServerProcess, take: string, recordedMs: number): Promise<void> {
	const file = path.join(take, 'output_merge', 'a_full.mp4');
	await until(`${file} is there\n${server.output.slice(-3000)}`, () => existsSync(file), 30_000);
	const said = new RegExp(`${path.basename(take)}".*"recovered":true`);
	await until('the log says so', () => said.test(server.output));
	const { hashes, ptsSeconds } = await decode(t, file);
	assert(hashes.video.length > 0 && hashes.audio.length > 0);
	const savedMs = (ptsSeconds.video.at(-1)! - ptsSeconds.video[0]!) * 1000;
	// The ring is read once a second, and the fragment that was being filled is lost.
	assert(savedMs > recordedMs - slowed(2 * FRAGMENT_MS + 1000), `${savedMs} ms of ${recordedMs} were saved`);
	for (const output of OUTPUTS) {
		const checker = new PlaylistChecker();
		const playlist = checker.see(readFileSync(path.join(take, output), 'utf8'));
		assert.deepEqual(checker.violations, [], output);
		assert(playlist.ended, output);
	}
	const separate = await decode(t, path.join(take, 'output_separate', 'index.m3u8'));
	// The outputs are written one after the other: one may have a fragment more.
	for (const kind of ['video', 'audio'] as const) {
		const common = Math.min(separate.hashes[kind].length, hashes[kind].length);
		assert(common > 0);
		assert.deepEqual(separate.hashes[kind].slice(0, common), hashes[kind].slice(0, common), kind);
	}
}

function takesIn(home: string): string[] {
	return existsSync(home)
		? readdirSync(home)
				.filter((name) => /^\d/.test(name))
				.sort()
		: [];
}

function listedIn(playlist: string): number {
	return existsSync(playlist) ? parseMediaPlaylist(readFileSync(playlist, 'utf8')).segments.length : 0;
}
