import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertSameFrames, type Tracks } from '../support/frames.js';
import { patient } from '../support/patience.js';
import { Program } from '../support/program.js';
import { playersWait, startServer, WAITING } from '../support/test-server.js';
import { inCi } from '../support/tools.js';
import { watch } from '../support/watch.js';
import type { TrackReport } from './ffmpeg8.js';

const FFMPEG8 = fileURLToPath(new URL('./ffmpeg8.js', import.meta.url));
const NODE_AV = new URL('../../../test/e2e/ffmpeg8/node_modules/node-av/package.json', import.meta.url);
/** MP4 counts audio in samples, FLV in milliseconds. */
const ROUNDING_MS = 1;
/** One clip starts with an audio frame before its first keyframe, where nobody can start to play. */
const BEFORE_KEYFRAME = 1;

const clips = [
	{ file: 'hevc-opus.mp4', codecs: ['hevc', 'opus'], fourCcs: ['hvc1', 'Opus'] },
	{ file: 'av1-opus.mp4', codecs: ['av1', 'opus'], fourCcs: ['av01', 'Opus'] },
];

test('HEVC, AV1 and Opus published by Enhanced RTMP come out as they went in, and can be decoded', {
	skip: existsSync(NODE_AV) || inCi() ? false : 'not installed: node-av (npm install in test/e2e/ffmpeg8)',
	timeout: patient(90_000),
}, async (t) => {
	const server = await startServer(t, { config: WAITING });
	for (const [index, { file, codecs, fourCcs }] of clips.entries()) {
		await t.test(file, async (t) => {
			const path = fileURLToPath(new URL(`../../../test/fixtures/${file}`, import.meta.url));
			const stream = `live/enhanced${index}`;
			const players = [server.httpUrl(`${stream}.flv`), server.rtmpUrl(stream)].map((url) => playWithFfmpeg8(t, url));
			const watcher = watch(t, server.wsUrl(`${stream}.flv`));
			await playersWait(server, stream, players.length + 1);
			await new Program(t, process.execPath, [FFMPEG8, 'publish', path, server.rtmpUrl(stream)]).succeed();

			const sent = await playWithFfmpeg8(t, path);
			for (const player of players) {
				const received = await player;
				assert.deepEqual(received.map((track) => track.codec).sort(), codecs.toSorted());
				for (const track of received) {
					const lost = decodedOf(sent, track.codec) - track.decoded;
					assert.ok(lost >= 0 && lost <= BEFORE_KEYFRAME, `${lost} frames of ${track.codec} do not decode`);
				}
				assertSameFrames(tracksOf(received), tracksOf(sent), { extent: 'part', roundingMs: ROUNDING_MS });
			}
			await watcher.end();
			const found = new Set(watcher.tags.map((tag) => tag.body.toString('latin1', 1, 5)));
			for (const fourCc of fourCcs) {
				assert.ok(found.has(fourCc), `${fourCc} on the wire`);
			}
		});
	}
});

async function playWithFfmpeg8(t: TestContext, input: string): Promise<TrackReport[]> {
	return JSON.parse(await new Program(t, process.execPath, [FFMPEG8, 'frames', input]).succeed());
}

function decodedOf(tracks: readonly TrackReport[], codec: string): number {
	return tracks.find((track) => track.codec === codec)?.decoded ?? 0;
}

function tracksOf(reports: readonly TrackReport[]): Tracks {
	const audio = reports.find((report) => report.codec === 'opus');
	const video = reports.find((report) => report.codec !== 'opus');
	return { video: video?.packets ?? [], audio: audio?.packets ?? [] };
}
