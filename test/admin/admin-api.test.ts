import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdminApi, type AdminSource } from '#src/admin/admin-api.js';
import { ERROR_CODES } from '#src/errors.js';
import type { PrimaryStatus } from '#src/metrics/primary-metrics.js';
import { ProcessMetrics } from '#src/metrics/process-metrics.js';
import type { ProcessSnapshot } from '#src/metrics/snapshot.js';
import { answerQuery, ProcessPort } from '#src/process/process-port.js';
import type { StreamName } from '#src/stream-name.js';
import { assertGolden } from '../support/golden.js';
import { fakeSnapshot, fakeStream } from '../support/snapshot.js';

const READY: PrimaryStatus = {
	role: 'origin',
	version: '1.2.3',
	startedAtMs: 1_700_000_000_000,
	state: 'ready',
	processes: [{ role: 'origin', index: 0, pid: 4711, ready: true }],
	processRestarts: 2,
};

describe('AdminApi', () => {
	it('has exactly these metrics, in these words', async () => {
		const source = adminOf([fakeSnapshot([fakeStream('one', 100), fakeStream('two', 200)])]);
		const { status, type, body } = await source.answer('GET', '/metrics');
		assert.equal(status, 200);
		assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
		assertGolden('metrics.golden.txt', stable(body));
	});

	it('has a series for every error code and for every process', async () => {
		const { body } = await adminOf([fakeSnapshot()]).answer('GET', '/metrics');
		for (const code of Object.keys(ERROR_CODES)) {
			assert.ok(body.includes(`\nmillrace_sessions_closed_total{code="${code}"} `), code);
		}
		for (const role of ['primary', 'origin']) {
			assert.match(body, new RegExp(`^millrace_process_resident_memory_bytes\\{role="${role}"\\} [1-9]`, 'm'));
		}
	});

	it('adds up the counts of several processes and keeps their streams apart', async () => {
		const gateways = [fakeSnapshot([fakeStream('one', 100)]), fakeSnapshot([fakeStream('one', 100)])];
		const { body } = await adminOf(gateways).answer('GET', '/metrics');
		assert.match(body, /^millrace_stream_subscribers\{app="live",stream="one",protocol="rtmp"\} 202$/m);
		assert.match(body, /^millrace_stream_start_time_seconds\{app="live",stream="one"\} 1700000000.1$/m);
		assert.match(body, /^millrace_thread_merge_window_seconds\{thread="delivery-0"\} 0.35$/m);
		assert.match(body, /^millrace_sessions_accepted_total 64$/m);
		assert.match(body, /^millrace_streams 1$/m);
		assert.match(body, /^millrace_publishers 1$/m);
		assert.match(body, /^millrace_stream_video_frames_total\{app="live",stream="one"\} 106$/m);
	});

	it('answers a scrape without the process that is silent, and says so', async () => {
		const api = adminOf([fakeSnapshot(), 'silent']);
		const { status, body } = await api.answer('GET', '/metrics');
		assert.equal(status, 200);
		assert.match(body, /^millrace_scrape_missing_processes 1$/m);
		assert.match(body, /^millrace_sessions_accepted_total 32$/m);
		assert.match(body, /^millrace_build_info\{.*\} 1$/m);
	});

	it('answers a scrape when no process runs', async () => {
		const { status, body } = await adminOf([]).answer('GET', '/metrics');
		assert.equal(status, 200);
		assert.match(body, /^millrace_scrape_missing_processes 0$/m);
	});

	it('lists a stream of several processes once, with its viewers added up', async () => {
		const idle = { ...fakeStream('two', 300), publisher: null, lastMediaAtMs: 0 };
		const api = adminOf([fakeSnapshot([fakeStream('one', 100)]), fakeSnapshot([fakeStream('one', 100), idle])]);
		const { streams } = JSON.parse((await api.answer('GET', '/api/v1/streams')).body);
		assert.equal(streams.length, 2);
		assert.deepEqual(streams[0], {
			...{ app: 'live', name: 'one', publisher: { protocol: 'rtmp', address: '192.0.2.100:50000' } },
			...{ startedAt: '2023-11-14T22:13:20.100Z', lastMediaAt: '2023-11-14T22:14:20.100Z' },
			...{ audio: true, video: true, bitsPerSecond: 309_000, keyframeIntervalMs: 2000, ringBytes: 2 * 1024 * 1024 },
			viewers: { rtmp: 202, 'http-flv': 204, 'ws-flv': 206 },
			...{ bytesReceived: 104, bytesSent: { rtmp: 226, 'http-flv': 228, 'ws-flv': 230 } },
			...{ frames: { audio: 105, video: 106, key: 107, dropped: 109 }, repairedTimestamps: 108 },
			...{ splices: 110, skips: 222, lagCloses: 224 },
		});
		assert.equal(streams[1].publisher, null);
		assert.equal(streams[1].lastMediaAt, null);
	});

	it('shows one stream, or 404', async () => {
		const api = adminOf([fakeSnapshot([fakeStream('one', 100)])]);
		assert.equal(JSON.parse((await api.answer('GET', '/api/v1/streams/live/one')).body).name, 'one');
		assert.equal((await api.answer('GET', '/api/v1/streams/live/none')).status, 404);
		assert.equal((await api.answer('GET', '/api/v1/streams/live/..%2f')).status, 404);
	});

	it('evicts the publisher of a stream that has one', async () => {
		const evicted: string[] = [];
		const api = adminOf([fakeSnapshot()], READY, (name) => {
			evicted.push(name.key);
			return name.name === 'one';
		});
		assert.deepEqual(JSON.parse((await api.answer('DELETE', '/api/v1/streams/live/one/publisher')).body), {
			evicted: true,
		});
		assert.equal((await api.answer('DELETE', '/api/v1/streams/live/two/publisher')).status, 404);
		assert.deepEqual(evicted, ['live/one', 'live/two']);
	});

	it('tells of every thread and of the version', async () => {
		const api = adminOf([fakeSnapshot()]);
		const { threads } = JSON.parse((await api.answer('GET', '/api/v1/threads')).body);
		assert.deepEqual(
			threads.map((thread: { role: string; thread: string }) => [thread.role, thread.thread]),
			[
				['origin', 'ingest-0'],
				['origin', 'delivery-0'],
			],
		);
		assert.deepEqual(JSON.parse((await api.answer('GET', '/api/v1/version')).body), {
			...{ name: 'millrace', version: '1.2.3', node: process.version, role: 'origin' },
			...{ startedAt: '2023-11-14T22:13:20.000Z', processes: READY.processes },
		});
	});

	it('is ready only when it is ready, has a ready process and does not drain', async () => {
		const cases: [Partial<PrimaryStatus>, number][] = [
			[{}, 200],
			[{ state: 'starting' }, 503],
			[{ state: 'draining' }, 503],
			[{ processes: [{ role: 'origin', index: 0, pid: 1, ready: false }] }, 503],
			[{ processes: [] }, 503],
		];
		for (const [status, expected] of cases) {
			const api = adminOf([], { ...READY, ...status });
			assert.equal((await api.answer('GET', '/readyz')).status, expected, JSON.stringify(status));
			assert.equal((await api.answer('GET', '/healthz')).status, 200);
		}
	});

	it('refuses what it does not know', async () => {
		const api = adminOf([]);
		assert.equal((await api.answer('GET', '/')).status, 404);
		assert.equal((await api.answer('GET', '/api/v1/streams/a/b/c')).status, 404);
		const refused = await api.answer('POST', '/metrics');
		assert.equal(refused.status, 405);
		assert.deepEqual(refused.headers, { allow: 'GET' });
		assert.equal((await api.answer('HEAD', '/healthz')).status, 200);
	});
});

type Evict = (name: StreamName) => boolean;

/** An admin API over processes that answer with these snapshots, through the messages that would go by IPC. */
function adminOf(processes: (ProcessSnapshot | 'silent')[], status = READY, evict: Evict = () => false): AdminApi {
	const ports = processes.map((process) => (process === 'silent' ? silentPort() : portTo(process, evict)));
	const source: AdminSource = { status: () => status, processes: () => ports };
	return new AdminApi(source);
}

function portTo(snapshot: ProcessSnapshot, evict: Evict): ProcessPort {
	const metrics = new ProcessMetrics(snapshot.role);
	const source = { metrics: () => metrics.of(snapshot), snapshot: () => snapshot, evict };
	const port = new ProcessPort(snapshot.role, async (message) => {
		const answer = await answerQuery(JSON.parse(JSON.stringify(message)), source);
		port.deliver(JSON.parse(JSON.stringify(answer)));
	});
	return port;
}

function silentPort(): ProcessPort {
	const deadlineMs = 20;
	return new ProcessPort('origin', () => undefined, deadlineMs);
}

/** Without what differs from run to run and from one version of Node to the next, and without the codes that nothing ended with. */
function stable(body: string): string {
	return body
		.replace(/^millrace_(?:process|nodejs)_(?!restarts)[^ \n]* .*\n/gm, '')
		.replace(/^millrace_sessions_closed_total\{code=".*"\} 0\n/gm, '')
		.replaceAll(process.version, 'NODE_VERSION');
}
