import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Tag, TagType } from '#src/tools/load/flv-scanner.js';
import { heavyClip } from '../support/clips.js';
import { CLIP, publish } from '../support/publish.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { tool } from '../support/tool-program.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';
import { Wire } from '../support/wire.js';

const WAITING = { play: { missing: 'wait', waitTimeout: '10m' } };

function picturesOf(tags: readonly Tag[]): Tag[] {
	return tags.filter(({ type, body }) => type === TagType.video && body[1] === 1);
}

const isLive = async (server: ServerProcess, stream: string): Promise<boolean> =>
	(await fetch(server.adminUrl(`api/v1/streams/${stream}`))).ok;

describe('millrace forward', () => {
	it('publishes what it plays to several targets, by each protocol, frame by frame', async (t) => {
		const server = await startServer(t, { config: WAITING });
		await publish(t, server.rtmpUrl('live/source'));
		const viewers = ['a', 'b', 'c'].map((name) => watch(t, server.httpUrl(`to/${name}.flv`)));
		const targets = [server.httpUrl('to/a'), server.wsUrl('to/b'), server.rtmpUrl('to/c')];
		const forward = tool(t, 'forward', [server.httpUrl('live/source.flv'), ...targets]);
		await Promise.all(viewers.map((viewer) => viewer.more(250)));
		const clip = picturesOf(CLIP.frames);
		for (const { tags } of viewers) {
			const pictures = picturesOf(tags);
			const start = clip.findIndex(({ body }) => body.equals(pictures[0]!.body));
			for (const [index, { body, dtsMs }] of pictures.entries()) {
				assert.ok(body.equals(clip[(start + index) % clip.length]!.body), `picture ${index}`);
				assert.equal(dtsMs - pictures[0]!.dtsMs, index * 40);
			}
		}
		forward.kill('SIGINT');
		assert.equal(await forward.exit(), 0, forward.stderr);
	});

	it('is not held up by a target that takes nothing, and comes back to one that was lost', async (t) => {
		const server = await startServer(t, { config: WAITING });
		await publish(t, server.rtmpUrl('live/source'), heavyClip(CLIP, 8000));
		const [stalled, lost] = [await Wire.start(t, server.ports.rtmp), await Wire.start(t, server.ports.rtmp)];
		const targets = [
			`rtmp://127.0.0.1:${stalled.port}/to/stalled`,
			`rtmp://127.0.0.1:${lost.port}/to/lost`,
			server.rtmpUrl('to/good'),
		];
		const forward = tool(t, 'forward', [server.rtmpUrl('live/source'), ...targets]);
		for (const name of ['stalled', 'lost', 'good']) {
			await until(`${name} is live`, () => isLive(server, `to/${name}`));
		}
		const good = watch(t, server.httpUrl('to/good.flv'));
		await good.more(1);
		stalled.hold();
		lost.reset();
		await until('the lost target is there again', () => forward.stderr.includes('connected again'));
		// By now the sockets to the stalled target are full.
		await until('the stalled target is given up', () => forward.stderr.includes('has taken nothing'), 30_000);
		const pictures = picturesOf(good.tags);
		assert.ok(pictures.length > 200);
		for (const [index, { dtsMs }] of pictures.entries()) {
			assert.ok(Math.abs(dtsMs - pictures[0]!.dtsMs - index * 40) <= 1, `picture ${index}`);
		}
		assert.equal(good.failure, null);
		forward.kill('SIGINT');
		assert.equal(await forward.exit(), 0, forward.stderr);
	});

	it('goes on when its source is back', async (t) => {
		const server = await startServer(t, { config: WAITING });
		await publish(t, server.rtmpUrl('live/source'));
		const wire = await Wire.start(t, server.ports.http);
		const viewer = watch(t, server.httpUrl('to/a.flv'));
		const source = `http://127.0.0.1:${wire.port}/live/source.flv`;
		const forward = tool(t, 'forward', [source, server.rtmpUrl('to/a')]);
		await viewer.more(60);
		wire.reset();
		await until('it is back', () => forward.stderr.includes('the source is back'));
		await viewer.more(60);
		const pictures = picturesOf(viewer.tags);
		for (const [index, { dtsMs }] of pictures.slice(1).entries()) {
			const step = dtsMs - pictures[index]!.dtsMs;
			assert.ok(step > 0 && step < 100, `step of ${step} ms`);
		}
		assert.equal(viewer.failure, null);
	});

	it('ends with 2 when the command line is wrong, and with 1 when there is no source', async (t) => {
		const server = await startServer(t);
		assert.equal(await tool(t, 'forward', [server.httpUrl('live/a.flv')]).exit(), 2);
		assert.equal(await tool(t, 'forward', [server.httpUrl('live/a.flv'), 'nowhere']).exit(), 2);
		const forward = tool(t, 'forward', [server.httpUrl('live/a.flv'), server.rtmpUrl('to/a')]);
		assert.equal(await forward.exit(), 1);
		assert.match(forward.stderr, /millrace forward: The stream is not live: HTTP 404\n$/);
	});
});
