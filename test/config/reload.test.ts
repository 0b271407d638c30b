import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyReload } from '#src/config/reload.js';
import { configSchema } from '#src/config/schema.js';

const given = { apps: { live: { play: { maxLag: '5s' } } } };
const running = configSchema.parse(given);

describe('reload', () => {
	const CASES: readonly [wanted: unknown, applied: readonly string[], needsRestart: readonly string[]][] = [
		[{ apps: { live: { play: { maxLag: '5s' } } } }, [], []],
		[{ ...given, publish: { grace: '1s' } }, ['publish.grace'], []],
		[{ ...given, rtmp: { port: 1 }, log: { level: 'debug' } }, ['log.level'], ['rtmp.port']],
		[{ ...given, http: { corsOrigins: ['https://a'] } }, ['http.corsOrigins'], []],
		[{ ...given, apps: {} }, ['apps.live'], []],
		[{ ...given, apps: { live: { play: { maxLag: '6s' } } } }, ['apps.live.play.maxLag'], []],
		[{ ...given, apps: { ...given.apps, b: { record: { flv: false } } } }, ['apps.b'], []],
	];
	for (const [wanted, applied, needsRestart] of CASES) {
		it(`tells ${JSON.stringify({ applied, needsRestart })}`, () => {
			const change = applyReload(running, configSchema.parse(wanted));
			assert.deepEqual([change.applied, change.needsRestart], [applied, needsRestart]);
		});
	}

	it('applies what a reload may change and keeps the rest', () => {
		const wanted = configSchema.parse({ rtmp: { port: 1 }, publish: { grace: '1s' }, apps: {} });
		const { config } = applyReload(running, wanted);
		assert.deepEqual([config.rtmp.port, config.publish.grace, config.apps], [running.rtmp.port, 1000, {}]);
	});

	it('leaves the running configuration alone', () => {
		const before = structuredClone(running);
		applyReload(running, configSchema.parse({ publish: { grace: '1s' }, apps: {} }));
		assert.deepEqual(running, before);
	});

	it('names what still waits for a restart at each reload', () => {
		const wanted = configSchema.parse({ ...given, rtmp: { port: 1 } });
		const first = applyReload(running, wanted);
		assert.deepEqual(applyReload(first.config, wanted).needsRestart, ['rtmp.port']);
	});
});
