import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openFileLimit, openFilesWarning } from '#src/primary/open-files.js';

const LIMITS = (hard: string): string => `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max open files            1024                 ${hard.padEnd(20)} files
Max locked memory         8388608              8388608              bytes
`;

describe('open files', () => {
	it('are limited by the hard limit', () => {
		assert.equal(
			openFileLimit(() => LIMITS('20000')),
			20_000,
		);
		assert.equal(
			openFileLimit(() => LIMITS('unlimited')),
			null,
		);
		assert.equal(
			openFileLimit(() => ''),
			null,
		);
		const here = openFileLimit();
		assert.ok(here === null || here > 0);
	});

	it('are a reason to warn when there may be fewer than connections', () => {
		assert.match(openFilesWarning(18_000, 4096) ?? '', /limits\.connections is 18000, .* only 4096 files/);
		assert.equal(openFilesWarning(18_000, 20_000), null);
		assert.equal(openFilesWarning(18_000, null), null);
	});
});
