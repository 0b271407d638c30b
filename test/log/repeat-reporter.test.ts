import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { RepeatReporter } from '#src/log/repeat-reporter.js';
import { keptLog } from '../support/silent-log.js';

describe('a reporter of faults that repeat', () => {
	beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }));
	afterEach(() => mock.timers.reset());

	it('logs the first at once and then, once a second, how many more there were', () => {
		const { log, lines } = keptLog();
		const faults = new RepeatReporter(log);
		const said = (): unknown[] => lines.splice(0).map(({ msg, count, detail }) => [msg, count, detail]);
		faults.report('torn', 'first');
		assert.deepEqual(said(), [['torn', undefined, 'first']]);
		for (let each = 2; each <= 100; each++) {
			faults.report('torn', `number ${each}`);
		}
		assert.deepEqual(said(), []);
		mock.timers.tick(1000);
		assert.deepEqual(said(), [['torn (repeated)', 99, 'number 100']]);
		faults.report('torn', 'again');
		mock.timers.tick(1000);
		assert.deepEqual(said(), [['torn (repeated)', 1, 'again']]);
		mock.timers.tick(1000);
		faults.report('torn', 'after a quiet second');
		assert.deepEqual(said(), [['torn', undefined, 'after a quiet second']]);
	});

	it('counts each fault by itself', () => {
		const { log, lines } = keptLog();
		const faults = new RepeatReporter(log);
		faults.report('torn', '');
		faults.report('late', '');
		faults.report('late', '');
		faults.flush();
		assert.deepEqual(
			lines.map(({ msg }) => msg),
			['torn', 'late', 'late (repeated)'],
		);
	});

	it('says nothing more once it is closed', () => {
		const { log, lines } = keptLog();
		const faults = new RepeatReporter(log);
		faults.report('torn', '');
		faults.report('torn', '');
		faults.close();
		mock.timers.tick(5000);
		assert.equal(lines.length, 1);
	});
});
