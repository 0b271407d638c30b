import assert from 'node:assert/strict';
import { copyFileSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { TagType } from '#src/tools/load/flv-scanner.js';
import { type FlvFile, type FlvFileTag, readFlvFile } from '../support/flv-file.js';
import { Program } from '../support/program.js';
import { CLIP, publish } from '../support/publish.js';
import { startServer } from '../support/test-server.js';
import { tool } from '../support/tool-program.js';
import { missing } from '../support/tools.js';
import { until } from '../support/until.js';
import { Wire } from '../support/wire.js';

function picturesOf(file: FlvFile): FlvFileTag[] {
	return file.tags.filter(({ type, body }) => type === TagType.video && body[1] === 1);
}

/** Asserts that a file has the clip's pictures, one after the other, from a keyframe on, 40 ms apart. */
function assertClip(file: FlvFile): void {
	const pictures = picturesOf(file);
	const clip = CLIP.frames.filter(({ type, body }) => type === TagType.video && body[1] === 1);
	const start = clip.findIndex(({ body }) => body.equals(pictures[0]!.body));
	assert.ok(start >= 0 && pictures.length >= 20, `${pictures.length} pictures`);
	for (const [index, { body, timeMs }] of pictures.entries()) {
		assert.ok(body.equals(clip[(start + index) % clip.length]!.body), `picture ${index}`);
		assert.equal(timeMs - pictures[0]!.timeMs, index * 40);
	}
}

const size = (file: string): number => (existsSync(file) ? statSync(file).size : 0);

describe('millrace pull', () => {
	it('writes what was published, by each protocol: valid while it grows, seekable after Ctrl-C', async (t) => {
		const server = await startServer(t);
		await publish(t, server.rtmpUrl('live/p'));
		const urls = [server.httpUrl('live/p.flv'), server.wsUrl('live/p.flv'), server.rtmpUrl('live/p')];
		await Promise.all(
			urls.map(async (url, index) => {
				const file = join(server.directory, `${index}.flv`);
				const pull = tool(t, 'pull', [url, file]);
				await until(`${url} has come`, () => size(file) > 120_000);
				const copy = `${file}.copy.flv`;
				copyFileSync(file, copy);
				assertClip(readFlvFile(copy));
				pull.kill('SIGINT');
				assert.equal(await pull.exit(), 0, pull.stderr);
				const finished = readFlvFile(file);
				assertClip(finished);
				assert.ok(Number(finished.metadata['duration']) > 0.8);
				assert.equal(finished.metadata['filesize'], finished.sizeBytes);
				assert.ok(finished.keyframes !== null);
			}),
		);
	});

	it('writes an MP4 that decodes, at any moment', { skip: missing('ffmpeg') }, async (t) => {
		const server = await startServer(t);
		await publish(t, server.rtmpUrl('live/p'));
		const file = join(server.directory, 'out.mp4');
		const pull = tool(t, 'pull', [server.httpUrl('live/p.flv'), file]);
		await until('it grows', () => size(file) > 200_000);
		const copy = join(server.directory, 'copy.mp4');
		copyFileSync(file, copy);
		pull.kill('SIGINT');
		assert.equal(await pull.exit(), 0, pull.stderr);
		assert.ok(size(file) > size(copy));
		for (const name of [copy, file]) {
			const decode = new Program(t, 'ffmpeg', ['-v', 'error', '-xerror', '-i', name, '-f', 'null', '-']);
			await decode.succeed();
			assert.equal(decode.stderr, '');
		}
	});

	it('goes on in the same file, and in time, when the connection was lost', async (t) => {
		const server = await startServer(t);
		await publish(t, server.rtmpUrl('live/p'));
		const wire = await Wire.start(t, server.ports.http);
		const file = join(server.directory, 'pulled.flv');
		const pull = tool(t, 'pull', [`http://127.0.0.1:${wire.port}/live/p.flv`, file]);
		await until('it grows', () => size(file) > 120_000);
		wire.reset();
		await until('it has noticed', () => pull.stderr.includes('connecting again'));
		await until('it goes on', () => pull.stderr.includes('going on at'));
		const before = size(file);
		await until('it grows again', () => size(file) > before + 60_000);
		pull.kill('SIGINT');
		assert.equal(await pull.exit(), 0, pull.stderr);
		const pictures = picturesOf(readFlvFile(file));
		for (const [index, { timeMs }] of pictures.entries()) {
			const step = index === 0 ? 40 : timeMs - pictures[index - 1]!.timeMs;
			assert.ok(step > 0 && step < 100, `step of ${step} ms at picture ${index}`);
		}
	});

	it('ends by itself with the stream, and after --duration', async (t) => {
		const server = await startServer(t, { config: { publish: { grace: '0ms' } } });
		const publisher = await publish(t, server.rtmpUrl('live/p'));
		const [whole, part] = [join(server.directory, 'whole.flv'), join(server.directory, 'part.flv')];
		const pull = tool(t, 'pull', [server.httpUrl('live/p.flv'), whole]);
		await tool(t, 'pull', [server.httpUrl('live/p.flv'), part, '--duration', '1.5']).succeed();
		const lastMs = picturesOf(readFlvFile(part)).at(-1)!.timeMs;
		assert.ok(lastMs > 1300 && lastMs < 1500, `${lastMs} ms`);
		await until('the other has begun', () => size(whole) > 0);
		publisher.close();
		assert.equal(await pull.exit(), 0, pull.stderr);
		assertClip(readFlvFile(whole));
	});

	it('ends with 2 when the command line is wrong, and with 1 when there is no such stream', async (t) => {
		const server = await startServer(t);
		const there = join(server.directory, 'config.yaml');
		const wrong = [
			[],
			['http://x/y.flv'],
			['http://x/y.flv', 'out.avi'],
			['file:///x', 'out.flv'],
			['http://x', 'o.flv', '--duration', '0'],
		];
		for (const args of wrong) {
			assert.equal(await tool(t, 'pull', args).exit(), 2, args.join(' '));
		}
		copyFileSync(there, `${there}.flv`);
		assert.equal(await tool(t, 'pull', [server.httpUrl('live/p.flv'), `${there}.flv`]).exit(), 2, 'overwrites nothing');
		const out = join(server.directory, 'none.flv');
		for (const url of [
			server.httpUrl('live/no.flv'),
			server.wsUrl('live/no.flv'),
			server.rtmpUrl('live/no'),
			'http://127.0.0.1:1/a.flv',
		]) {
			const pull = tool(t, 'pull', [url, out]);
			assert.equal(await pull.exit(), 1, url);
			assert.match(pull.stderr, /^millrace pull: .+\n$/);
			assert.equal(existsSync(out), false);
		}
	});
});
