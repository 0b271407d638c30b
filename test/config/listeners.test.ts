import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FLAGS, type Flag } from '#src/cli/flags.js';
import { keyNamed } from '#src/config/keys.js';
import { LISTENER_NAMES, LISTENERS, listenersOf, PORT_NAMES } from '#src/config/listeners.js';
import { PUSH_PROTOCOLS, VIEWER_PROTOCOLS } from '#src/protocol/protocols.js';

describe('the table of listeners', () => {
	it('names a port key of the configuration for each that has a port', () => {
		for (const name of PORT_NAMES) {
			assert.match(keyNamed(LISTENERS[name].portKey).expects, /^off or a whole number from 0 to 65535$/);
		}
		assert.deepEqual(PORT_NAMES, ['rtmp', 'rtmps', 'http', 'files']);
	});

	it('gives every listener to one kind of thread', () => {
		assert.deepEqual(new Set([...listenersOf('ingest'), ...listenersOf('delivery')]), new Set(LISTENER_NAMES));
	});

	it('is where port flags come from', () => {
		const flags: Readonly<Record<string, Flag>> = FLAGS;
		assert.deepEqual(
			['rtmp-port', 'http-port', 'files-port'].map((name) => [flags[name]?.key, flags[name]?.roles]),
			[
				['rtmp.port', ['origin', 'flv-gateway']],
				['http.port', ['origin']],
				['files.port', ['origin']],
			],
		);
	});
});

describe('the table of protocols', () => {
	it('names each kind of viewer once, in the order of the metrics', () => {
		assert.deepEqual(VIEWER_PROTOCOLS, ['rtmp', 'http-flv', 'ws-flv']);
	});

	it('tells which publishers come in at a delivery thread', () => {
		assert.deepEqual(PUSH_PROTOCOLS, ['http-flv', 'ws-flv']);
	});
});
