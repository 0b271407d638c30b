import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Holds `actual` against the whole of test/fixtures/`file`. UPDATE_GOLDEN=1 in the environment writes the file instead: look at
 * the difference before it is committed.
 */
export function assertGolden(file: string, actual: string): void {
	const path = fileURLToPath(new URL(`../../../test/fixtures/${file}`, import.meta.url));
	if (process.env['UPDATE_GOLDEN'] === '1') {
		writeFileSync(path, actual);
	}
	assert.equal(actual, readFileSync(path, 'utf8'));
}
