import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { BAR_CLIP, loadClip } from '#src/tools/load/clip.js';
import { PublisherGroup } from '#src/tools/load/publisher-group.js';
import { Program } from '../support/program.js';
import { startServer } from '../support/test-server.js';
import { missing } from '../support/tools.js';
import { watch } from '../support/watch.js';

test('promtool finds nothing to say about /metrics of a server at work', { skip: missing('promtool') }, async (t) => {
	const server = await startServer(t);
	const publishers = new PublisherGroup(loadClip(BAR_CLIP));
	t.after(() => publishers.close());
	await publishers.add(new URL(server.rtmpUrl('live/metered')));
	await publishers.add(new URL(server.httpUrl('live/pushed')));
	await watch(t, server.httpUrl('live/metered.flv')).more(50);

	const response = await fetch(server.adminUrl('metrics'));
	const text = await response.text();
	assert.equal(response.status, 200);
	assert.match(text, /^millrace_/m);
	assert.match(text, /stream="metered"/);
	const promtool = new Program(t, 'promtool', ['check', 'metrics'], { input: Readable.from([text]) });
	assert.equal(await promtool.exit(), 0, promtool.stderr + promtool.stdout);
	assert.equal(promtool.stderr + promtool.stdout, '');
});
