import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StreamDirectory } from '#src/stream/directory.js';
import { StreamFinder } from '#src/stream/stream-finder.js';
import type { ThreadToCoordinator } from '#src/stream/thread-messages.js';
import { streamName } from '#src/stream-name.js';
import { LiveStream } from '../support/live-stream.js';
import { keptLog } from '../support/silent-log.js';

const ME = 'me000000';
const WANTED = { name: streamName('live', 'test'), via: [] };
const AT_ONCE = { missing: '404', waitTimeout: 60_000 } as const;
const PATIENT = { missing: 'wait', waitTimeout: 60_000 } as const;
const MISSING = { type: 'stream-missing', name: streamName('live', 'test'), message: 'as told' } as const;

function finder(onDemand: boolean, streams: LiveStream[] = []) {
	const directory = new StreamDirectory(streams.map(({ info }) => info));
	const sent: ThreadToCoordinator[] = [];
	const relay = { processId: ME, onDemand };
	return {
		directory,
		sent,
		finder: new StreamFinder({ directory, relay, log: keptLog().log, send: (message) => sent.push(message) }),
	};
}

const never = new AbortController().signal;

describe('finding a stream', () => {
	it("answers an origin's viewers at once, or as soon as the stream opens", async () => {
		const stream = new LiveStream();
		assert.deepEqual(finder(false, [stream]).finder.findNow(WANTED, AT_ONCE), { stream: stream.info });
		const { directory, finder: empty, sent } = finder(false);
		assert.deepEqual(empty.findNow(WANTED, AT_ONCE), { stream: null, code: 'STREAM_NOT_FOUND' });
		assert.equal(empty.findNow(WANTED, PATIENT), null);
		const waiting = empty.wait(WANTED, PATIENT, never);
		directory.apply({ type: 'stream-opened', stream: stream.info });
		assert.deepEqual(await waiting, { stream: stream.info });
		assert.deepEqual(sent, []);
	});

	it('asks the coordinator of a gateway, and waits for what it says', async () => {
		const stream = new LiveStream();
		const { directory, finder: gateway, sent } = finder(true);
		assert.equal(gateway.findNow(WANTED, AT_ONCE), null);
		assert.deepEqual(sent, [{ type: 'stream-wanted', ...WANTED, resumeMs: undefined }]);
		const refused = gateway.wait(WANTED, AT_ONCE, never);
		gateway.apply({ ...MISSING, code: 'UPSTREAM_FAILED' });
		assert.deepEqual(await refused, { stream: null, code: 'UPSTREAM_FAILED', message: 'as told' });
		const served = gateway.wait(WANTED, AT_ONCE, never);
		directory.apply({ type: 'stream-opened', stream: stream.info });
		assert.deepEqual(await served, { stream: stream.info });
	});

	it('waits beyond "not there" when play.missing says so, but not beyond what will not change', async () => {
		const { finder: gateway } = finder(true);
		let answered = false;
		const waiting = gateway.wait(WANTED, PATIENT, never).finally(() => {
			answered = true;
		});
		gateway.apply({ ...MISSING, code: 'STREAM_NOT_FOUND' });
		await new Promise((resolve) => setImmediate(resolve));
		assert.equal(answered, false);
		gateway.apply({ ...MISSING, code: 'RELAY_LOOP' });
		assert.deepEqual(await waiting, { stream: null, code: 'RELAY_LOOP', message: 'as told' });
	});

	it('lets no relay wait that wants to go on with a stream: its viewers wait for the end', async () => {
		const goingOn = { ...WANTED, via: ['other000'], resumeMs: 5 };
		assert.deepEqual(finder(false).finder.findNow(goingOn, PATIENT), { stream: null, code: 'STREAM_NOT_FOUND' });
		const { finder: gateway } = finder(true);
		assert.equal(gateway.findNow(goingOn, PATIENT), null);
		const waiting = gateway.wait(goingOn, PATIENT, never);
		gateway.apply({ ...MISSING, code: 'STREAM_NOT_FOUND' });
		assert.deepEqual(await waiting, { stream: null, code: 'STREAM_NOT_FOUND', message: 'as told' });
	});

	it('tells the coordinator of relays even of streams that are here, and refuses a circle', () => {
		const stream = new LiveStream();
		const { finder: gateway, sent } = finder(true, [stream]);
		assert.deepEqual(gateway.findNow(WANTED, AT_ONCE), { stream: stream.info });
		assert.deepEqual(sent, []);
		const relay = { ...WANTED, via: ['other000'], resumeMs: 5 };
		assert.deepEqual(gateway.findNow(relay, AT_ONCE), { stream: stream.info });
		assert.deepEqual(sent, [{ type: 'stream-wanted', ...relay }]);
		assert.deepEqual(gateway.findNow({ ...WANTED, via: ['other000', ME] }, AT_ONCE), {
			stream: null,
			code: 'RELAY_LOOP',
		});
	});

	it('gives up with the viewer, and with the time', async () => {
		const { finder: gateway } = finder(true);
		const leaving = new AbortController();
		const left = gateway.wait(WANTED, AT_ONCE, leaving.signal);
		leaving.abort();
		assert.deepEqual(await left, { stream: null, code: 'STREAM_NOT_FOUND' });
		const brief = { missing: '404', waitTimeout: 5 } as const;
		assert.deepEqual(await gateway.wait(WANTED, brief, never), { stream: null, code: 'STREAM_NOT_FOUND' });
	});
});
