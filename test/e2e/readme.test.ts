import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ROOT } from '../support/deployment.js';
import { patient } from '../support/patience.js';
import { publish } from '../support/publish.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { until } from '../support/until.js';
import { watch } from '../support/watch.js';

const FRAMES = 10;

test('every address under Watch in the README answers while a stream is live', {
	timeout: patient(90_000),
}, async (t) => {
	const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
	const [, section = ''] = /^## Watch\n(.*?)^## /ms.exec(readme) ?? [];
	const addresses = [...section.matchAll(/`(\w+:\/\/HOST[^`]*)`/g)].map(([, address]) => address!);
	assert.ok(addresses.length >= 8, addresses.join(' '));

	// Short segments: the HLS playlist lists a segment when it is complete.
	const server = await startServer(t, { config: { hls: { segment: '1s' } } });
	await publish(t, server.rtmpUrl('live/test'));
	for (const address of addresses) {
		await answers(t, server, address);
	}
});

/** Resolves when `address`, as the README writes it, gives media or a page. */
async function answers(t: TestContext, server: ServerProcess, address: string): Promise<void> {
	const url = address
		.replace('HOST:8501', `127.0.0.1:${server.ports.http}`)
		.replace('HOST', `127.0.0.1:${server.ports.rtmp}`);
	if (!url.startsWith('http') || /^[^?]*\/live\/test\.flv$/.test(url)) {
		await watch(t, url).more(FRAMES);
		return;
	}
	await until(`${url} answers`, async () => {
		const response = await fetch(url);
		await response.body?.cancel();
		return response.ok;
	});
}
