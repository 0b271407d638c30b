import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { framesOfTags, tagsOfFile } from '../support/frames.js';
import { assertHeaders, assertLarge, LARGE_CLIP, LARGE_FRAMES, largeFile } from '../support/large-clip.js';
import { startServer } from '../support/test-server.js';
import { tool } from '../support/tool-program.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';
import { Wire } from '../support/wire.js';

const SPEED = '2';
const WAITING = { play: { missing: 'wait', waitTimeout: '60s' } };

describe('remux, doctor and push with frames larger than every buffer', () => {
	const { directory, flv } = largeFile();

	for (const format of ['flv', 'mp4', 'ts']) {
		it(`give the very bytes of ${format}, over each protocol and a lost connection`, async (t) => {
			const file = join(directory, `large.${format}`);
			let headers = LARGE_CLIP.headers;
			if (format !== 'flv') {
				const back = join(directory, `from-${format}.flv`);
				await tool(t, 'remux', [flv, file]).succeed();
				await tool(t, 'remux', [file, back]).succeed();
				const tags = tagsOfFile(back);
				assertLarge(framesOfTags(tags), 'all');
				headers = tags; // a transport stream has no room for all that an AAC header may say
			}
			assert.match(await tool(t, 'doctor', [file]).succeed(), /150 frames[\s\S]*All is well/);

			const server = await startServer(t, { config: WAITING });
			const wire = await Wire.start(t, server.ports.rtmp);
			const targets = [server.httpUrl('live/h'), server.wsUrl('live/w'), server.rtmpUrl('live/r')];
			const viewers = ['h', 'w', 'r'].map((name) => watch(t, server.httpUrl(`live/${name}.flv`)));
			const lost = watch(t, server.httpUrl('live/lost.flv'));
			const loop = tool(t, 'push', [file, `rtmp://127.0.0.1:${wire.port}/live/lost`, SPEED, '--loop']);
			await Promise.all(targets.map((url) => tool(t, 'push', [file, url, SPEED]).succeed()));
			for (const viewer of viewers) {
				await until('all has come', () => framesOfTags(viewer.tags).video.length >= LARGE_FRAMES.video.length);
				assertLarge(framesOfTags(viewer.tags), 'all');
				assertHeaders(viewer.tags, headers);
			}

			await lost.more(20);
			wire.reset();
			await until('it goes on', () => loop.stderr.includes('going on at'));
			await lost.more(80);
			loop.kill('SIGINT');
			assert.equal(await loop.exit(), 0, loop.stderr);
			assertLarge(framesOfTags(lost.tags), 'parts');
			assertHeaders(lost.tags, headers);
		});
	}
});
