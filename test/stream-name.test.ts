import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isStreamName, parseStreamName, streamName } from '#src/stream-name.js';

describe('the name of a stream', () => {
	it('is one value, made of an app and a name or of both as one text', () => {
		const name = { app: 'live', name: 'cam-1_b', key: 'live/cam-1_b' };
		assert.deepEqual(streamName('live', 'cam-1_b'), name);
		assert.deepEqual(parseStreamName('live/cam-1_b'), name);
		assert.deepEqual(structuredClone(name), name);
	});

	for (const [app, name] of [
		['live', ''],
		['', 'a'],
		['live', '../a'],
		['..', 'a'],
		['li ve', 'a'],
		['live', 'a\n'],
		['live', '\u00e4'],
		['live', 'a.flv'],
		['live', 'a'.repeat(129)],
	] as const) {
		it(`is never made of ${JSON.stringify(`${app}/${name.slice(0, 10)}`)}`, () => {
			assert.throws(() => streamName(app, name), { code: 'NAME_INVALID' });
			assert.throws(() => parseStreamName(`${app}/${name}`), { code: 'NAME_INVALID' });
			assert.equal(isStreamName(app, name), false);
		});
	}

	it('has two parts, not more and not fewer', () => {
		for (const text of ['live', 'live/a/b', '/live/a', 'live/a/', '']) {
			assert.throws(() => parseStreamName(text), { code: 'NAME_INVALID' }, text);
		}
	});
});
