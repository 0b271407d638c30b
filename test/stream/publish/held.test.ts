import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Held } from '#src/stream/publish/held.js';

describe('what is held until the verdict', () => {
	it('is passed on in order, once', () => {
		const passed: string[] = [];
		const held = new Held<string>(100, (item) => passed.push(item));
		for (const item of ['a', 'b', 'c']) {
			assert.equal(held.hold(item, 1), true);
		}
		assert.equal(held.bytes, 3);
		held.release();
		held.release();
		assert.deepEqual(passed, ['a', 'b', 'c']);
		assert.equal(held.bytes, 0);
	});

	it('is bounded in bytes, and what would be too much is not kept', () => {
		const passed: string[] = [];
		const held = new Held<string>(10, (item) => passed.push(item));
		assert.equal(held.hold('six', 6), true);
		assert.equal(held.hold('five', 5), false);
		assert.equal(held.hold('four', 4), true);
		held.release();
		assert.deepEqual(passed, ['six', 'four']);
	});

	it('may be held again while it is released', () => {
		const passed: number[] = [];
		let again = true;
		const held: Held<number> = new Held(100, (item) => {
			if (item === 2 && again) {
				again = false;
				held.hold(item, 1);
			} else {
				passed.push(item);
			}
		});
		for (const item of [1, 2, 3]) {
			held.hold(item, 1);
		}
		held.release();
		assert.deepEqual(passed, [1, 3]);
		held.release();
		assert.deepEqual(passed, [1, 3, 2]);
	});

	it('is gone when it is dropped', () => {
		const held = new Held<number>(100, () => assert.fail('nothing is passed on'));
		held.hold(1, 1);
		held.drop();
		held.release();
		assert.equal(held.bytes, 0);
	});
});
