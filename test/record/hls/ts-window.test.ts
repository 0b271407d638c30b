import assert from 'node:assert/strict';
import { createDecipheriv } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { endPlaylist } from '#src/record/hls/past-playlist.js';
import { AAC, durationMs, H264, HlsSimulation, OTHER_H264 } from '../../support/hls-simulation.js';

const HOUR_MS = 3_600_000;

describe('window of transport stream segments', () => {
	let root: string;
	let directory: string;
	beforeEach(async () => {
		root = await mkdtemp(path.join(tmpdir(), 'millrace-hls-'));
		directory = path.join(root, 'live', 'a');
	});
	afterEach(() => rm(root, { recursive: true }));

	const read = async () => parseMediaPlaylist(await readFile(path.join(directory, 'index.m3u8'), 'utf8'));

	for (const [what, source, targetDuration] of [
		['a keyframe every 2 s', { gopsMs: [2000] }, 4],
		['a keyframe every 2.4 s', { gopsMs: [2400] }, 5],
		['irregular keyframes', { gopsMs: [800, 3200, 400, 2000, 5600] }, null],
		['keyframes that become rare', { gopsMs: [...Array<number>(50).fill(2000), 30_000] }, 4],
		['a keyframe every 20 s', { gopsMs: [20_000] }, 8],
		['sound alone', { gopsMs: [1000], video: null }, 4],
		['no sound', { gopsMs: [2000], audio: null }, 4],
	] as const) {
		it(`keeps to every rule for an hour with ${what}`, async () => {
			const hls = await new HlsSimulation(directory).open();
			await hls.run(HOUR_MS, source);
			assert.deepEqual(hls.allViolations, []);
			const playlist = hls.seen!;
			if (targetDuration !== null) {
				assert.equal(playlist.targetDuration, targetDuration);
			}
			assert.equal(playlist.discontinuitySequence, 0);
			const listedMs = durationMs(playlist);
			assert.ok(
				listedMs >= 60_000 && listedMs < 60_000 + 5 * playlist.targetDuration * 1000,
				`${listedMs} ms are listed`,
			);
			const { programDateTimeMs, duration } = playlist.segments.at(-1)!;
			const behindMs = hls.nowMs - programDateTimeMs! - duration * 1000;
			assert.ok(behindMs >= 0 && behindMs < 9000, `the newest segment ended ${behindMs} ms ago`);
			assert.ok(hls.segmentFiles.length <= 3 * playlist.segments.length + 4, 'old segments are removed');
			await hls.finish(true);
			assert.equal(hls.seen!.ended, true);
			assert.deepEqual(hls.allViolations, []);
		});
	}

	it('keeps to every rule over hours of splices, changed and late tracks, crashes and restarts', async () => {
		const hls = await new HlsSimulation(directory).open();
		await hls.run(60_000, { gopsMs: [2000], audio: null });
		let discontinuities = 0;
		for (let round = 0; round < 40; round++) {
			const gopsMs = round % 3 === 0 ? [1000, 2600] : [2000];
			const video = round % 4 < 2 ? H264 : OTHER_H264;
			await hls.run(90_000, { gopsMs, video, audio: AAC });
			if (round % 5 === 4) {
				await hls.pass(3000);
				await hls.open(); // a crash: nothing was finished
			} else if (round % 7 === 6) {
				await hls.finish(false); // the server was stopped and started again
				await hls.open();
			} else {
				await hls.splice(round % 2 === 0 ? 0 : 4000);
			}
			discontinuities++;
		}
		await hls.run(90_000, { gopsMs: [2000] });
		assert.deepEqual(hls.allViolations, []);
		const { discontinuitySequence, segments } = hls.seen!;
		const counted = discontinuitySequence + segments.filter(({ discontinuity }) => discontinuity).length;
		// Each round has one; those in whose middle the video changes, and the late sound, have another.
		const changes = 1 + 20 - 1;
		assert.ok(counted > discontinuities && counted <= discontinuities + changes + 1, `${counted} discontinuities`);
	});

	it('marks a splice, and changed tracks behind it, by one discontinuity', async () => {
		const hls = await new HlsSimulation(directory, { type: 'event' }).open();
		await hls.run(20_000, { gopsMs: [2000] });
		await hls.splice(5000);
		await hls.run(20_000, { gopsMs: [2000], video: OTHER_H264 });
		await hls.finish(true);
		const at = hls.seen!.segments.flatMap(({ discontinuity }, index) => (discontinuity ? [index] : []));
		assert.deepEqual(at, [5]);
		const [before, after] = hls.seen!.segments.slice(4, 6);
		const gapMs = after!.programDateTimeMs! - before!.programDateTimeMs! - before!.duration * 1000;
		assert.ok(Math.abs(gapMs - 5000) < 300, `the clock on the wall went on by ${gapMs} ms`);
	});

	it('begins another playlist when the stream had ended, with numbers that go on', async () => {
		const hls = await new HlsSimulation(directory).open();
		await hls.run(100_000, { gopsMs: [2000] });
		await hls.splice(0);
		await (await hls.run(100_000, { gopsMs: [2000] })).finish(true);
		const first = hls.seen!;
		await (await hls.pass(5000)).expectAnother().open();
		await hls.run(10_000, { gopsMs: [2000] });
		const second = hls.seen!;
		assert.equal(second.mediaSequence, first.mediaSequence + first.segments.length);
		assert.ok(second.discontinuitySequence > first.discontinuitySequence);
		assert.equal(second.segments[0]?.discontinuity, false);
		assert.equal(second.ended, false);
		assert.deepEqual(hls.allViolations, []);
	});

	it('does not go on with a playlist that players have given up', async () => {
		const hls = await new HlsSimulation(directory).open();
		await hls.run(100_000, { gopsMs: [2000] });
		const before = hls.seen!;
		await (await hls.pass(HOUR_MS)).expectAnother().open();
		await hls.run(10_000, { gopsMs: [2000] });
		assert.equal(hls.seen!.mediaSequence, before.mediaSequence + before.segments.length);
		assert.equal(hls.seen!.segments.length, 2);
	});

	it('keeps the target duration of a playlist that it goes on with', async () => {
		const hls = await new HlsSimulation(directory).open();
		await hls.run(60_000, { gopsMs: [2000] });
		await hls.open();
		await hls.run(120_000, { gopsMs: [6000] });
		assert.equal(hls.seen!.targetDuration, 4);
		assert.deepEqual(hls.allViolations, []);
		assert.deepEqual(hls.reports, ['keyframes are too far apart: HLS segments begin without one']);
	});

	it('writes the number again that a crash left unlisted, and drops what it left half-written', async () => {
		const hls = await new HlsSimulation(directory).open();
		await hls.run(60_000, { gopsMs: [2000] });
		const next = hls.seen!.mediaSequence + hls.seen!.segments.length;
		await writeFile(path.join(directory, `segment_${next}.ts`), 'never listed');
		await writeFile(path.join(directory, `segment_${next + 1}.ts.tmp`), 'half');
		await writeFile(path.join(directory, 'index.m3u8.tmp'), '#EXTM3U');
		await hls.open();
		await hls.run(20_000, { gopsMs: [2000] });
		assert.deepEqual(hls.allViolations, []);
		assert.ok(hls.sizeOf(`segment_${next}.ts`) > 188);
		assert.deepEqual(
			(await readdir(directory)).filter((name) => name.endsWith('.tmp')),
			[],
		);
	});

	it('ends a playlist that was left open, once', async () => {
		const hls = await new HlsSimulation(directory).open();
		assert.equal(await endPlaylist(directory), null);
		await hls.run(20_000, { gopsMs: [2000] });
		assert.deepEqual(await endPlaylist(directory), { segments: 4, durationMs: 16_000 });
		assert.equal((await read()).ended, true);
		await hls.look();
		assert.deepEqual(hls.allViolations, []);
		assert.equal(await endPlaylist(directory), null);
	});

	it('lists everything since the take began in an event, and keeps the takes before', async () => {
		const hls = await new HlsSimulation(directory, { type: 'event' }).open();
		await (await hls.run(200_000, { gopsMs: [2000] })).finish(true);
		assert.equal(hls.seen!.type, 'EVENT');
		assert.ok(Math.abs(durationMs(hls.seen!) - 200_000) < 200);
		const count = hls.seen!.segments.length;
		await hls.expectAnother().open();
		await hls.run(20_000, { gopsMs: [2000] });
		const kept = parseMediaPlaylist(await readFile(path.join(directory, 'index_1.m3u8'), 'utf8'));
		assert.deepEqual([kept.segments.length, kept.ended], [count, true]);
		assert.equal(hls.seen!.mediaSequence, count + 1);
		assert.deepEqual(hls.allViolations, []);
	});

	it('keeps what has left the playlist when it is not to clean up', async () => {
		const hls = await new HlsSimulation(directory, { cleanup: false }).open();
		await hls.run(600_000, { gopsMs: [2000] });
		const { mediaSequence, segments } = hls.seen!;
		assert.equal(hls.segmentFiles.length, mediaSequence + segments.length - 1);
	});

	it('encrypts segments, each with a vector of its own, and changes the key', async () => {
		const plain = await new HlsSimulation(path.join(root, 'plain'), { type: 'event' }).open();
		await plain.run(60_000, { gopsMs: [2000] });
		const hls = await new HlsSimulation(directory, { type: 'event', segmentsPerKey: 3 }).open();
		await hls.run(60_000, { gopsMs: [2000] });
		assert.deepEqual(hls.allViolations, []);
		const { segments } = hls.seen!;
		const keys = segments.map(({ key }) => key!.uri);
		assert.deepEqual(
			keys.slice(0, 7),
			[1, 1, 1, 4, 4, 4, 7].map((number) => `key_${number}.key`),
		);
		assert.equal(new Set(segments.map(({ key }) => key!.iv)).size, segments.length);
		for (const { uri, key } of segments) {
			const secret = await readFile(path.join(directory, key!.uri));
			const decipher = createDecipheriv('aes-128-cbc', secret, Buffer.from(key!.iv!, 'hex'));
			const bytes = Buffer.concat([decipher.update(await readFile(path.join(directory, uri))), decipher.final()]);
			assert.deepEqual(bytes, await readFile(path.join(root, 'plain', uri)));
		}
	});

	it('removes keys with the last segment that needs them', async () => {
		const hls = await new HlsSimulation(directory, { segmentsPerKey: 2 }).open();
		await hls.run(600_000, { gopsMs: [2000] });
		assert.deepEqual(hls.allViolations, []);
		const keys = (await readdir(directory)).filter((name) => name.endsWith('.key'));
		assert.ok(keys.length < 20, `${keys.length} keys are left`);
	});
});
