import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, it } from 'node:test';
import { cachePolicy } from '#src/files/cache/cache-policy.js';

const PLAYLIST = Buffer.from('#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n');
const cases: readonly [what: string, key: string, headers: IncomingHttpHeaders, freshMs: number, reuseMs: number][] = [
	['a lifetime', '/a.ts', { 'cache-control': 'max-age=10' }, 10_000, 0],
	['a lifetime for shared caches', '/a.ts', { 'cache-control': 'max-age=10, s-maxage=20' }, 20_000, 0],
	['the age that it had before', '/a.ts', { 'cache-control': 'max-age=10', age: '4' }, 6000, 0],
	['an age beyond its lifetime', '/a.ts', { 'cache-control': 'max-age=10', age: '40' }, 0, 0],
	['a segment of which nothing is said', '/a.ts?token=1', {}, 3_600_000, 0],
	['a playlist of which nothing is said', '/a.m3u8', {}, 1000, 1000],
	['a page of which nothing is said', '/a.html', {}, 0, 0],
	['no-cache', '/a.ts', { 'cache-control': 'no-cache, max-age=10' }, 0, 0],
	['no-store', '/a.m3u8', { 'cache-control': 'no-store' }, 0, 0],
	['a directive without a lifetime', '/a.ts', { 'cache-control': 'public' }, 0, 0],
	['nonsense', '/a.ts', { 'cache-control': 'max-age=soon' }, 0, 0],
	['a playlist', '/a.m3u8', { 'cache-control': 'max-age=2' }, 2000, 2000],
	[
		'reuse within the target duration',
		'/a.m3u8',
		{ 'cache-control': 'max-age=1, stale-while-revalidate=3' },
		1000,
		3000,
	],
	['reuse beyond it', '/a.m3u8', { 'cache-control': 'max-age=1, stale-while-revalidate=60' }, 1000, 4000],
	['years', '/a.ts', { 'cache-control': 'max-age=31536000' }, 30 * 86_400_000, 0],
];

describe('how long an answer may be used', () => {
	for (const [what, key, headers, freshMs, reuseMs] of cases) {
		it(`by ${what}`, () => {
			const policy = cachePolicy(key, headers, key.includes('m3u8') ? PLAYLIST : Buffer.alloc(0));
			assert.equal(policy.freshMs, freshMs);
			assert.equal(policy.reuseMs, reuseMs);
		});
	}

	it('and by whom', () => {
		const nothing = Buffer.alloc(0);
		assert.equal(cachePolicy('/a', { 'cache-control': 'private, max-age=5' }, nothing).isPrivate, true);
		assert.equal(cachePolicy('/a', { 'set-cookie': ['a=b'] }, nothing).isPrivate, true);
		assert.equal(cachePolicy('/a', { 'cache-control': 'no-store' }, nothing).mayKeep, false);
		assert.equal(cachePolicy('/a', {}, nothing).isPrivate, false);
	});
});
