import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseRoute } from '#src/delivery/route.js';
import { PeerError } from '#src/errors.js';
import { streamName } from '#src/stream-name.js';

const STREAM = { kind: 'stream', name: streamName('live', 'a-B_9'), query: '' };

/** Request target, whether the method publishes, and the route. */
const CASES: [string, boolean, ReturnType<typeof parseRoute>][] = [
	['/live/a-B_9.flv', false, { ...STREAM, kind: 'stream', flv: true }],
	['/live/a-B_9.flv?key=1&x', false, { ...STREAM, kind: 'stream', flv: true, query: 'key=1&x' }],
	['/live/a-B_9', true, { ...STREAM, kind: 'stream', flv: false }],
	['/live/a-B_9.flv', true, { ...STREAM, kind: 'stream', flv: true }],
	['http://host:8501/live/a-B_9?k', true, { ...STREAM, kind: 'stream', flv: false, query: 'k' }],
	['/flv/name.flv', false, { kind: 'stream', name: streamName('flv', 'name'), flv: true, query: '' }],
	['/', false, { kind: 'file', path: '/', query: '' }],
	['http://host', false, { kind: 'file', path: '/', query: '' }],
	['/index.html?a', false, { kind: 'file', path: '/index.html', query: 'a' }],
	['/assets/app.js', false, { kind: 'file', path: '/assets/app.js', query: '' }],
	['/flv/live/name/index.flv', false, { kind: 'file', path: '/flv/live/name/index.flv', query: '' }],
	['/a/b/c', true, { kind: 'file', path: '/a/b/c', query: '' }],
	['//name.flv', false, { kind: 'file', path: '//name.flv', query: '' }],
];

/** Names that would leave the media root, break a log line or a metric, or mean something to a player. */
const BAD_NAMES = ['..', '.', '%2e%2e', 'a%2fb', 'a b', 'a\\b', 'ä', 'a.b', '%00', 'x'.repeat(129), "a'", '<b>'];

describe('request targets', () => {
	for (const [target, publishes, route] of CASES) {
		it(`${publishes ? 'publishing' : 'reading'} ${target} is ${route.kind}`, () => {
			assert.deepEqual(parseRoute(target, publishes), route);
		});
	}

	for (const name of BAD_NAMES) {
		it(`refuse ${JSON.stringify(name.slice(0, 20))} as a name`, () => {
			for (const target of [`/live/${name}.flv`, `/${name}/test.flv`]) {
				assert.throws(() => parseRoute(target, false), { code: 'NAME_INVALID' });
				assert.throws(() => parseRoute(target, true), { code: 'NAME_INVALID' });
			}
		});
	}

	it('are a stream with good names, a file, or an error, whatever is sent', () => {
		fc.assert(
			fc.property(fc.string({ maxLength: 60 }), fc.boolean(), (text, publishes) => {
				try {
					const route = parseRoute(`/${text}`, publishes);
					assert.ok(route.kind === 'file' || /^[\w-]{1,128}\/[\w-]{1,128}$/.test(route.name.key));
				} catch (error) {
					assert.ok(error instanceof PeerError && error.code === 'NAME_INVALID');
				}
			}),
			{ interruptAfterTimeLimit: 500 },
		);
	});
});
