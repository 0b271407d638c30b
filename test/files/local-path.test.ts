import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { localPathOf } from '#src/files/local-path.js';

describe('the path of a request', () => {
	for (const [target, local] of [
		['/hls/live/test/index.m3u8', '/hls/live/test/index.m3u8'],
		['/with%20space/%C3%A4.txt', '/with space/ä.txt'],
		['/a..b/c.', '/a..b/c.'],
		['/folder/', '/folder/'],
	] as const) {
		it(`${target} is ${local}`, () => assert.equal(localPathOf(target), local));
	}

	for (const target of [
		'',
		'relative',
		'/..',
		'/../x',
		'/a/../b',
		'/%2e%2e/x',
		'/..%2fx',
		'/a/%2E./b',
		'/.git/config',
		'/a/.hidden',
		'//etc/passwd',
		'/%2fetc/passwd',
		'/a\\..\\b',
		'/a%5c..%5cb',
		'/a%00.txt',
		'/a%0ab',
		'/%c0%ae%c0%ae/x',
		'/%',
		`/${'x'.repeat(2000)}`,
	]) {
		it(`${JSON.stringify(target.slice(0, 40))} names nothing`, () => assert.equal(localPathOf(target), null));
	}

	it('never holds a way up, however it is written', () => {
		const atom = fc.constantFrom('.', '..', '/', '%2e', '%2F', '%5c', '\\', 'a', '%00', '%25', '%252e');
		fc.assert(
			fc.property(fc.array(atom, { maxLength: 12 }), (atoms) => {
				const local = localPathOf(`/${atoms.join('')}`);
				assert.ok(local === null || !local.split(/[/\\]/).some((segment) => segment.startsWith('.')));
			}),
			{ interruptAfterTimeLimit: 1000 },
		);
	});
});
