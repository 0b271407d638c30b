import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PrimaryMessage, primaryMessageOf, type RoleMessage, roleMessageOf } from '#src/primary/messages.js';
import { streamName } from '#src/stream-name.js';
import { testConfig } from '../support/config.js';

const config = testConfig({ publish: { grace: '3s' }, apps: { live: { play: { missing: 'wait' } } } });

describe('messages between the primary and a role process', () => {
	const TO_ROLE: readonly PrimaryMessage[] = [
		{
			type: 'start',
			kind: 'origin',
			index: 0,
			config,
			ports: { rtmp: 1935 },
			descriptors: { rtmp: [4, 5], http: [6, 7] },
		},
		{
			type: 'start',
			kind: 'delivery',
			index: 1,
			config,
			originSocket: '/tmp/a/origin.sock',
			ports: {},
			descriptors: { http: [4] },
		},
		{ type: 'reload', config },
		{ type: 'drain', deadlineMs: 1 },
		{ type: 'ping' },
		{ type: 'query', queryId: 1, query: { kind: 'evict', name: streamName('live', 'a') } },
	];
	for (const message of TO_ROLE) {
		it(`bring ${message.type} through JSON unchanged`, () => {
			assert.deepEqual(primaryMessageOf(JSON.parse(JSON.stringify(message))), message);
		});
	}

	const TO_PRIMARY: readonly RoleMessage[] = [
		{ type: 'loaded' },
		{ type: 'ready' },
		{ type: 'pong' },
		{ type: 'cannot-listen', listener: 'rtmp', error: 'EADDRINUSE' },
		{ type: 'answer', queryId: 1, answer: true },
		{ type: 'answer', queryId: 1, error: 'failed' },
	];
	for (const message of TO_PRIMARY) {
		it(`bring ${JSON.stringify(message)} through JSON unchanged`, () => {
			assert.deepEqual(roleMessageOf(JSON.parse(JSON.stringify(message))), message);
		});
	}

	for (const message of [null, 1, 'ready', {}, { type: 1 }, { type: 'nonsense' }, { type: 'toString' }]) {
		it(`refuse ${JSON.stringify(message)}`, () => {
			assert.throws(() => primaryMessageOf(message), TypeError);
			assert.throws(() => roleMessageOf(message), TypeError);
		});
	}

	it('refuse what goes the other way', () => {
		assert.throws(() => primaryMessageOf({ type: 'ready' }), TypeError);
		assert.throws(() => roleMessageOf({ type: 'ping' }), TypeError);
	});
});
