import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeTag, FLV_HEADER, type Tag, TagType } from '#src/tools/load/flv-scanner.js';
import { Program } from '../support/program.js';
import { CLIP } from '../support/publish.js';
import { startServer } from '../support/test-server.js';
import { tool } from '../support/tool-program.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';
import { type Watcher, watch } from '../support/watch.js';

const SUPERVISOR = fileURLToPath(new URL('../../supervisor.js', import.meta.url));
const BAR_CLIP = fileURLToPath(new URL('../../../bench/fixtures/bar.flv', import.meta.url));
const MISSING = { play: { missing: 'wait' } };

function framesOf(tags: readonly Tag[], type: number): Tag[] {
	return tags.filter((tag) => tag.type === type && tag.body[1] === 1);
}

/** Asserts that a viewer got the frames of `sent` in order, from its first on: bytes, and distances in time up to rounding. */
function assertSame(watcher: Watcher, sent: readonly Tag[], toleranceMs: number): void {
	for (const type of [TagType.audio, TagType.video]) {
		const [got, given] = [framesOf(watcher.tags, type), framesOf(sent, type)];
		const start = given.findIndex(({ body }) => body.equals(got[0]?.body ?? Buffer.alloc(0)));
		assert.ok(start >= 0 && got.length > 20, `frames of type ${type}: ${got.length}`);
		const shiftMs = got[0]!.dtsMs - given[start]!.dtsMs;
		for (const [index, tag] of got.entries()) {
			const expected = given[start + index]!;
			assert.ok(tag.body.equals(expected.body), `frame ${index} of type ${type}`);
			assert.ok(Math.abs(tag.dtsMs - expected.dtsMs - shiftMs) <= toleranceMs, `time of frame ${index}`);
		}
	}
}

/** Keyframes and B-frames of the standard clip, 4 s of it, as a file. */
function shortClip(directory: string): string {
	const file = join(directory, 'short.flv');
	const frames = CLIP.frames.filter(({ dtsMs }) => dtsMs < 4000);
	writeFileSync(file, Buffer.concat([FLV_HEADER, ...[...CLIP.headers, ...frames].map(encodeTag)]));
	return file;
}

describe('millrace push', () => {
	it('publishes an FLV file over HTTP, WebSocket and RTMP as it is, and ends with 0', async (t) => {
		const server = await startServer(t, { config: MISSING });
		const file = shortClip(server.directory);
		const urls = [server.httpUrl('live/h'), server.wsUrl('live/w'), server.rtmpUrl('live/r')];
		const viewers = ['h', 'w', 'r'].map((name) => watch(t, server.httpUrl(`live/${name}.flv`)));
		const pushes = urls.map((url) => tool(t, 'push', [file, url]));
		await Promise.all(pushes.map((push) => push.succeed()));
		for (const viewer of viewers) {
			await until('the end has come', () => framesOf(viewer.tags, TagType.video).length >= 100);
			assertSame(viewer, CLIP.frames, 0);
		}
	});

	it('publishes an MP4 file with B-frames: frames and composition times are those of the FLV', {
		skip: missing('ffmpeg'),
	}, async (t) => {
		const server = await startServer(t, { config: MISSING });
		const mp4 = join(server.directory, 'clip.mp4');
		await new Program(t, 'ffmpeg', ['-v', 'error', '-i', BAR_CLIP, '-c', 'copy', mp4]).succeed();
		const viewer = watch(t, server.httpUrl('live/m.flv'));
		tool(t, 'push', [mp4, server.rtmpUrl('live/m')]);
		await until('four seconds', () => framesOf(viewer.tags, TagType.video).length >= 100);
		const composed = framesOf(viewer.tags, TagType.video).filter(({ body }) => body.readUIntBE(2, 3) > 0);
		assert.ok(composed.length > 20, 'there are frames that are shown later than decoded');
		assertSame(viewer, CLIP.frames, 1);
	});

	it('goes on where it was after the server was stopped and started again', async (t) => {
		const server = await startServer(t);
		const push = tool(t, 'push', ['--loop', BAR_CLIP, server.rtmpUrl('live/again')]);
		await until('it is live', async () => (await fetch(server.httpUrl('live/again.flv'), { method: 'HEAD' })).ok);
		const before = watch(t, server.httpUrl('live/again.flv'));
		await before.more(60);
		server.signal('SIGTERM');
		await server.exit();
		await until('it has noticed', () => push.stderr.includes('connecting again'));
		const next = await startServer(t, { args: ['--rtmp-port', String(server.ports.rtmp)] });
		await until('it goes on', () => push.stderr.includes('going on at'));
		await until('it is live again', async () => (await fetch(next.httpUrl('live/again.flv'), { method: 'HEAD' })).ok);
		const after = watch(t, next.httpUrl('live/again.flv'));
		await after.more(60);
		const [last, first] = [framesOf(before.tags, TagType.video).at(-1)!, framesOf(after.tags, TagType.video)[0]!];
		const positionOf = (tag: Tag): number => CLIP.frames.findIndex(({ body }) => body.equals(tag.body));
		assert.ok(positionOf(first) > positionOf(last), 'it did not start again');
		push.kill('SIGINT');
		assert.equal(await push.exit(), 0);
	});

	it('takes the old form of pusher.js, and its speed', async (t) => {
		const server = await startServer(t, { config: MISSING });
		const file = shortClip(server.directory);
		const startedAtMs = performance.now();
		await tool(t, 'pusher', [file, server.httpUrl('live/old'), '4.0', '--no-reconnect']).succeed();
		const tookMs = performance.now() - startedAtMs;
		assert.ok(tookMs > 900, `four seconds at four times their speed took ${tookMs} ms`);
	});

	it('is a command of millrace', async (t) => {
		const help = await new Program(t, process.execPath, [SUPERVISOR, 'push', '--help']).succeed();
		assert.match(help, /^Usage: millrace push FILE URL/);
	});

	it('ends with 2 when the command line is wrong, and with 1 and one line when it cannot publish', async (t) => {
		const server = await startServer(t);
		const wrong = [
			['only-one'],
			[BAR_CLIP, 'ftp://x/y'],
			[BAR_CLIP, 'http://x/y', '99'],
			['--what', BAR_CLIP, 'http://x/y'],
		];
		for (const args of wrong) {
			const program = tool(t, 'push', args);
			assert.equal(await program.exit(), 2, args.join(' '));
			assert.match(program.stderr, /^millrace push: .+\n\nUsage:/);
		}
		const text = join(server.directory, 'text.flv');
		writeFileSync(text, 'this is no video, but it is long enough to be looked at');
		const failing = [
			[BAR_CLIP, 'http://127.0.0.1:1/live/x'],
			[BAR_CLIP, server.httpUrl('not/a/name/that/is/allowed')],
			[BAR_CLIP, server.rtmpUrl('live')],
			[text, server.httpUrl('live/x')],
			[join(server.directory, 'absent.flv'), server.httpUrl('live/x')],
		];
		for (const args of failing) {
			const program = tool(t, 'push', args);
			assert.equal(await program.exit(), 1, `${args.join(' ')}: ${program.stderr}`);
			assert.match(program.stderr, /^millrace push: .+\n$/);
		}
	});
});
