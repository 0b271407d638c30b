import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { StreamView } from '#src/admin/stream-view.js';
import { ClipPublisher } from '#src/tools/clip-publisher.js';
import { EndlessClip } from '#src/tools/endless-clip.js';
import { startServer } from '../support/test-server.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';

const DEMO_CLIP = new URL('../../../src/tools/demo.flv', import.meta.url);

test('the admin port tells of a stream and its viewers, evicts its publisher, and counts on over both', async (t) => {
	const server = await startServer(t, { config: { publish: { grace: '1s' } } });
	const publisher = new ClipPublisher(
		new EndlessClip(readFileSync(DEMO_CLIP)),
		server.rtmpUrl('live/a?key=secret'),
		{},
	);
	const losses: string[] = [];
	const over = publisher.run((reason) => {
		losses.push(reason);
		publisher.stop();
	});
	t.after(() => publisher.stop());
	const page = (path: string) => fetch(server.adminUrl(path));
	const stream = async () => (await (await page('api/v1/streams/live/a')).json()) as StreamView;

	await until('the stream is live', async () => (await page('api/v1/streams/live/a')).ok);
	await watch(t, server.httpUrl('live/a.flv')).more(30);
	await until('the viewer and the frames are counted', async () => {
		const { viewers, frames } = await stream();
		return viewers['http-flv'] === 1 && frames.video > 0 && frames.audio > 0 && frames.key > 0;
	});
	const { publisher: holder, audio, video } = await stream();
	assert.deepEqual([holder?.protocol, audio, video], ['rtmp', true, true]);
	assert.ok(!JSON.stringify(await (await page('api/v1/streams')).json()).includes('secret'));
	const before = await metrics(await page('metrics'));
	assert.equal(before.get('millrace_publishers'), 1);
	assert.equal(before.get('millrace_subscribers{protocol="http-flv"}'), 1);
	assert.ok(before.get('millrace_stream_sent_bytes_total{app="live",stream="a",protocol="http-flv"}')! > 0);

	const evicted = await fetch(server.adminUrl('api/v1/streams/live/a/publisher'), { method: 'DELETE' });
	assert.equal(evicted.status, 200);
	await over;
	assert.equal(losses.length, 1);
	await until('the stream has ended', async () => (await page('api/v1/streams/live/a')).status === 404);
	const after = await metrics(await page('metrics'));
	assert.equal(after.get('millrace_streams'), 0);
	assert.equal(after.get('millrace_streams_started_total'), 1);
	assert.ok(after.get('millrace_received_bytes_total')! >= before.get('millrace_received_bytes_total')!);
	for (const [series, value] of before) {
		const lost = series.endsWith('_total') && (after.get(series) ?? value) < value;
		assert.ok(!lost, `${series} went from ${value} to ${after.get(series)}`);
	}
});

/** Every sample by its series. */
async function metrics(response: Response): Promise<Map<string, number>> {
	const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
	return new Map(
		lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
	);
}
