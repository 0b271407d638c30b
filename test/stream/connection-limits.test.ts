import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionLimits } from '#src/stream/connection-limits.js';
import { allocateConnectionTable, clearConnectionShare } from '#src/stream/connection-table.js';
import { testConfig } from '../support/config.js';

function limits(connections: number, connectionsPerAddress: number) {
	return testConfig({ limits: { connections, connectionsPerAddress } });
}

test('connections are limited in total, until one goes', () => {
	const thread = new ConnectionLimits(limits(2, 0));
	assert.ok(thread.admit('10.0.0.1') && thread.admit('10.0.0.1'));
	assert.equal(thread.full, true);
	assert.equal(thread.admit('10.0.0.2'), false);
	thread.release('10.0.0.1');
	assert.equal(thread.admit('10.0.0.2'), true);
});

test('connections of one address are limited, others are not', () => {
	const thread = new ConnectionLimits(limits(1000, 2));
	assert.ok(thread.admit('10.0.0.1') && thread.admit('10.0.0.1'));
	assert.equal(thread.admit('10.0.0.1'), false);
	assert.equal(thread.full, false);
	assert.equal(thread.admit('10.0.0.2'), true);
	thread.release('10.0.0.1');
	assert.equal(thread.admit('10.0.0.1'), true);
});

test('the own machine is held against the total only', () => {
	const thread = new ConnectionLimits(limits(8, 1));
	for (const address of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1']) {
		assert.ok(thread.admit(address) && thread.admit(address), address);
	}
	assert.equal(thread.admit('127.0.0.1'), false);
});

test('the threads of a process share the limits, and what a dead one held is free', () => {
	const table = allocateConnectionTable(2);
	const config = limits(3, 2);
	const [first, second] = [0, 1].map((share) => new ConnectionLimits(config, { table, share }));
	assert.ok(first!.admit('10.0.0.1') && second!.admit('10.0.0.1'));
	assert.equal(first!.admit('10.0.0.1'), false);
	assert.equal(second!.admit('10.0.0.2'), true);
	assert.equal(first!.full, true);
	clearConnectionShare({ table, share: 1 });
	assert.equal(first!.admit('10.0.0.1'), true);
	assert.equal(second!.admit('10.0.0.1'), false);
});

test('new limits hold at once', () => {
	const thread = new ConnectionLimits(limits(1, 0));
	thread.admit('10.0.0.1');
	thread.configure(limits(2, 1));
	assert.equal(thread.admit('10.0.0.1'), false);
	assert.equal(thread.admit('10.0.0.2'), true);
});

test('thousands of addresses hardly get into each other’s way, and leave nothing behind', () => {
	const thread = new ConnectionLimits(limits(20_000, 1));
	const addresses = Array.from(
		{ length: 18_000 },
		(_, index) => `10.${index >> 14}.${(index >> 7) & 127}.${index & 127}`,
	);
	const admitted = addresses.filter((address) => thread.admit(address));
	assert.ok(admitted.length > 18_000 * 0.95, `${admitted.length} of 18,000`);
	for (const address of admitted) {
		thread.release(address);
	}
	assert.equal(
		addresses.slice(0, 100).every((address) => thread.admit(address)),
		true,
	);
});
