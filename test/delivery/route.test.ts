import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseRoute } from '#src/delivery/route.js';

const STREAM = { kind: 'stream' as const, asked: { app: 'live', name: 'a-B_9' }, query: '' };

/** Request target, whether the method publishes, and the route. */
const CASES: [string, boolean, ReturnType<typeof parseRoute>][] = [
	['/live/a-B_9.flv', false, { ...STREAM, flv: true }],
	['/live/a-B_9.flv?key=1&x', false, { ...STREAM, flv: true, query: 'key=1&x' }],
	['/live/a-B_9', true, { ...STREAM, flv: false }],
	['/live/a-B_9.flv', true, { ...STREAM, flv: true }],
	['http://host:8501/live/a-B_9?k', true, { ...STREAM, flv: false, query: 'k' }],
	['/flv/name.flv', false, { kind: 'stream', asked: { app: 'flv', name: 'name' }, flv: true, query: '' }],
	['/', false, { kind: 'file', path: '/', query: '' }],
	['http://host', false, { kind: 'file', path: '/', query: '' }],
	['/index.html?a', false, { kind: 'file', path: '/index.html', query: 'a' }],
	['/assets/app.js', false, { kind: 'file', path: '/assets/app.js', query: '' }],
	['/flv/live/name/index.flv', false, { kind: 'file', path: '/flv/live/name/index.flv', query: '' }],
	['/a/b/c', true, { kind: 'file', path: '/a/b/c', query: '' }],
	['//name.flv', false, { kind: 'file', path: '//name.flv', query: '' }],
];

describe('request targets', () => {
	for (const [target, publishes, route] of CASES) {
		it(`${publishes ? 'publishing' : 'reading'} ${target} is ${route.kind}`, () => {
			assert.deepEqual(parseRoute(target, publishes), route);
		});
	}

	it('are a stream with two names or a file, whatever is sent', () => {
		fc.assert(
			fc.property(fc.string({ maxLength: 60 }), fc.boolean(), (text, publishes) => {
				const route = parseRoute(`/${text}`, publishes);
				assert.ok(route.kind === 'file' || Object.values(route.asked).every((name) => !/[/?]/.test(name)));
			}),
		);
	});
});
