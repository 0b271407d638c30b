import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { framesOfTags, tagsOfFile } from '../support/frames.js';
import { assertHeaders, assertLarge, LARGE_CLIP, largeFile } from '../support/large-clip.js';
import { publish } from '../support/publish.js';
import { startServer } from '../support/test-server.js';
import { tool } from '../support/tool-program.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';
import { Wire } from '../support/wire.js';

const WAITING = { play: { missing: 'wait', waitTimeout: '60s' } };
const ENOUGH_BYTES = 1_500_000;

const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);

describe('pull, forward and load with frames larger than every buffer', () => {
	const { flv } = largeFile();

	it('pull: FLV and MP4 from each protocol, over a lost connection', async (t) => {
		const server = await startServer(t);
		await publish(t, server.rtmpUrl('live/p'), LARGE_CLIP);
		const [http, rtmp] = [await Wire.start(t, server.ports.http), await Wire.start(t, server.ports.rtmp)];
		const sources = [`http://127.0.0.1:${http.port}/live/p.flv`, `rtmp://127.0.0.1:${rtmp.port}/live/p`];
		const pulls = sources.flatMap((url, index) =>
			['flv', 'mp4'].map((format) => {
				const output = join(server.directory, `${index}.${format}`);
				return { output, program: tool(t, 'pull', [url, output]) };
			}),
		);
		await until('all have begun', () => pulls.every(({ output }) => sizeOf(output) > ENOUGH_BYTES), 60_000);
		http.reset();
		rtmp.reset();
		await until('all go on', () => pulls.every(({ program }) => program.stderr.includes('going on at')));
		const before = pulls.map(({ output }) => sizeOf(output));
		const grew = (): boolean => pulls.every(({ output }, index) => sizeOf(output) > before[index]! + ENOUGH_BYTES);
		await until('all have come further', grew, 60_000);
		for (const { output, program } of pulls) {
			program.kill('SIGINT');
			assert.equal(await program.exit(), 0, program.stderr);
			await tool(t, 'remux', [output, `${output}.flv`]).succeed();
			const tags = tagsOfFile(`${output}.flv`);
			assertLarge(framesOfTags(tags), 'parts');
			assertHeaders(tags, LARGE_CLIP.headers);
		}
	});

	for (const source of ['http', 'rtmp'] as const) {
		it(`forward: from ${source} to each protocol, while both sides are lost`, async (t) => {
			const server = await startServer(t, { config: WAITING });
			await publish(t, server.rtmpUrl('live/source'), LARGE_CLIP);
			const near = await Wire.start(t, source === 'http' ? server.ports.http : server.ports.rtmp);
			const far = await Wire.start(t, server.ports.rtmp);
			const viewers = ['h', 'w', 'r'].map((name) => watch(t, server.httpUrl(`to/${name}.flv`)));
			const from = `${source}://127.0.0.1:${near.port}/live/source${source === 'http' ? '.flv' : ''}`;
			const targets = [server.httpUrl('to/h'), server.wsUrl('to/w'), `rtmp://127.0.0.1:${far.port}/to/r`];
			const forward = tool(t, 'forward', [from, ...targets]);
			const more = (count: number) => Promise.all(viewers.map((viewer) => viewer.more(count)));
			await more(60);
			far.reset();
			await until('the target is there again', () => forward.stderr.includes('connected again'));
			await more(60);
			near.reset();
			await until('the source is back', () => forward.stderr.includes('the source is back'));
			await more(120);
			for (const viewer of viewers) {
				assertLarge(framesOfTags(viewer.tags), 'parts');
				assertHeaders(viewer.tags, LARGE_CLIP.headers);
				assert.equal(viewer.failure, null);
			}
			forward.kill('SIGINT');
			assert.equal(await forward.exit(), 0, forward.stderr);
		});
	}

	it('load: what it publishes, and what its viewers get', async (t) => {
		const server = await startServer(t);
		const publishing = tool(t, 'load', ['publish', server.rtmpUrl('live/l'), '--file', flv]);
		await until('it is live', async () => (await fetch(server.httpUrl('live/l.flv'), { method: 'HEAD' })).ok);
		const viewer = watch(t, server.httpUrl('live/l.flv'));
		const args = ['--viewers', '3', '--seconds', '2', '--json'];
		const load = tool(t, 'load', ['play', server.httpUrl('live/l.flv'), ...args]);
		await load.exit();
		const { asked, checked } = JSON.parse(load.stdout);
		assert.deepEqual([asked, checked.backwardSteps, checked.undecodable], [3, 0, 0]);
		assertLarge(framesOfTags(viewer.tags), 'parts');
		publishing.kill('SIGINT');
		assert.equal(await publishing.exit(), 0, publishing.stderr);
	});
});
