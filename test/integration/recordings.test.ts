import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { pino } from 'pino';
import { Recordings } from '#src/process/recordings.js';
import { RemuxPool } from '#src/process/remux-pool.js';
import type { StreamInfo } from '#src/stream/thread-messages.js';
import { streamName } from '#src/stream-name.js';
import { testConfig } from '../support/config.js';
import { readFlvFile } from '../support/flv-file.js';
import { RingFeed } from '../support/ring-feed.js';
import { until } from '../support/until.js';

type Line = { msg: string; [field: string]: unknown };

const RETENTION_MS = 600_000;
const FLV_ONLY = { minFree: 0, fmp4: false, hls: false };

describe('recordings', () => {
	let media: string;
	let pool: RemuxPool;
	let recordings: Recordings;
	let lines: Line[];
	let waiting: (() => void)[];
	let streamId: number;
	beforeEach(async () => {
		media = await mkdtemp(path.join(tmpdir(), 'millrace-recordings-'));
		lines = [];
		waiting = [];
		streamId = 0;
		pool = new RemuxPool({ threads: 1, log: pino({ level: 'silent' }) });
	});
	afterEach(async () => {
		await recordings.finish(Date.now() + 60_000);
		await pool.close();
		await rm(media, { recursive: true });
	});

	async function start(overrides: Record<string, unknown> = {}): Promise<void> {
		const write = (line: string): void => {
			lines.push(JSON.parse(line));
			for (const check of waiting.splice(0)) {
				check();
			}
		};
		const config = testConfig({ media, record: FLV_ONLY, ...overrides });
		recordings = new Recordings({ config, pool, log: pino({ level: 'info' }, { write }) });
		await recordings.start();
	}

	/** The log line number `count` that says `message`, once it is there. */
	async function logged(message: string, count = 1): Promise<Line> {
		for (;;) {
			const line = lines.filter(({ msg }) => msg === message)[count - 1];
			if (line !== undefined) {
				return line;
			}
			await new Promise<void>((resolve) => waiting.push(resolve));
		}
	}

	function open(feed: RingFeed, app = 'live', name = 'a'): StreamInfo {
		const stream = { streamId: ++streamId, name: streamName(app, name), ring: feed.ring, counterSlot: streamId };
		recordings.opened(stream);
		return stream;
	}

	const take = (app = 'live', name = 'a', file = 'index.flv'): string => path.join(media, 'flv', app, name, file);

	it('records a stream to its end, and says so once', async () => {
		await start();
		const feed = new RingFeed().open().gops(0, 2_000);
		const stream = open(feed);
		await logged('recording begins');
		feed.gops(2_000, 3_000).end(3_000);
		recordings.ended(stream);
		const line = await logged('recording is finished');
		const file = readFlvFile(take());
		assert.equal(file.tags.length, 2 + 60);
		assert.equal(line['durationMs'], 2950);
		assert.equal(line['sizeBytes'], file.sizeBytes);
		assert.deepEqual([line['app'], line['stream']], ['live', 'a']);
		const { active, takes, bytesWritten } = recordings.counts().flv;
		assert.deepEqual([active, takes, bytesWritten], [0, 1, file.sizeBytes]);
	});

	it('follows a stream into its bigger ring', async () => {
		await start();
		const feed = new RingFeed().open().gops(0, 1_000);
		const stream = open(feed);
		await logged('recording begins');
		feed.writer = feed.writer.grow(2 * 1024 ** 2);
		stream.ring = feed.ring;
		recordings.ringReplaced(stream);
		feed.gops(1_000, 2_000).end(2_000);
		recordings.ended(stream);
		await logged('recording is finished');
		assert.equal(readFlvFile(take()).tags.length, 2 + 40);
	});

	it('finishes all takes when the process stops', async () => {
		await start();
		open(new RingFeed().open().gops(0, 1_000), 'live', 'a');
		open(new RingFeed().open().gops(0, 1_000), 'live', 'b');
		await logged('recording begins', 2);
		await recordings.finish(Date.now() + 60_000);
		assert.equal(readFlvFile(take('live', 'a')).metadata['duration'], 0.95);
		assert.equal(readFlvFile(take('live', 'b')).metadata['duration'], 0.95);
	});

	it('records by app, and by a reloaded configuration from the next stream on', async () => {
		await start({ apps: { quiet: { record: { flv: false } } } });
		open(new RingFeed().open().gops(0, 1_000), 'quiet', 'a');
		open(new RingFeed().open().gops(0, 1_000), 'live', 'a');
		await logged('recording begins');
		recordings.config = testConfig({ media, record: { flv: true, minFree: 0 } });
		open(new RingFeed().open().gops(0, 1_000), 'quiet', 'b');
		await logged('recording begins', 2);
		assert.deepEqual(await readdir(path.join(media, 'flv', 'quiet')), ['b']);
	});

	it('begins a take only when the one before it under the same name is finished', async () => {
		await start();
		const first = new RingFeed().open().gops(0, 1_000);
		const stream = open(first);
		await logged('recording begins');
		open(new RingFeed().open().gops(0, 2_000).end(2_000));
		first.end(1_000);
		recordings.ended(stream);
		await logged('recording is finished', 2);
		assert.equal(readFlvFile(take()).metadata['duration'], 1.95);
		const [older = ''] = (await readdir(path.dirname(take()))).filter((file) => file !== 'index.flv');
		assert.equal(readFlvFile(take('live', 'a', older)).metadata['duration'], 0.95);
	});

	it('recovers at start what a crash has left, and tidies up', async () => {
		await start();
		const feed = new RingFeed().open().gops(0, 1_000);
		open(feed);
		await logged('recording begins');
		const { bytesWritten } = recordings.counts().flv;
		feed.gops(1_000, 2_000);
		await until(() => recordings.counts().flv.bytesWritten > bytesWritten);
		await mkdir(path.dirname(take('live', 'crashed')), { recursive: true });
		await copyFile(take(), take('live', 'crashed'));
		await writeFile(take('live', 'crashed', 'index.flv.tmp'), 'half');
		await recordings.finish(Date.now() + 60_000);
		lines = [];
		await start();
		const line = await logged('recording is finished');
		assert.deepEqual([line['stream'], line['recovered']], ['crashed', true]);
		assert.deepEqual(await readdir(path.dirname(take('live', 'crashed'))), ['index.flv']);
		const { metadata, tags } = readFlvFile(take('live', 'crashed'));
		assert.equal(metadata['duration'], Number(line['durationMs']) / 1000);
		assert.ok(tags.length >= 2 + 20);
	});

	it('tries again to finish a take that it could not finish', async (t) => {
		t.mock.timers.enable({ apis: ['setInterval'] });
		await start({ record: { minFree: 0, flv: false, hls: false } });
		const feed = new RingFeed().open().gops(0, 6_000);
		const stream = open(feed);
		await logged('fMP4 recording begins');
		const [name = ''] = await readdir(path.join(media, 'mp4', 'live', 'a'));
		const inTheWay = path.join(media, 'mp4', 'live', 'a', name, 'output_merge', 'a_full.mp4.tmp');
		await mkdir(inTheWay, { recursive: true });
		feed.end(6_000);
		recordings.ended(stream);
		await logged('a take cannot be finished and will be tried again');
		await rm(inTheWay, { recursive: true });
		t.mock.timers.tick(RETENTION_MS);
		t.mock.timers.reset();
		assert.equal((await logged('take is finished'))['durationMs'], 6000);
	});

	it('ends the playlist of a stream that ends while its disk fails', async () => {
		await start({ record: { minFree: 0, flv: false, fmp4: false }, hls: { segment: '1s' } });
		const feed = new RingFeed().open().gops(0, 4_000);
		const stream = open(feed);
		await logged('HLS begins');
		const directory = path.join(media, 'hls', 'live', 'a');
		const listed = async (): Promise<string> => readFile(path.join(directory, 'index.m3u8'), 'utf8');
		await until(async () => (await listed().catch(() => '')).includes('segment_2.ts'));
		const next = (await listed()).split('#EXTINF').length;
		await mkdir(path.join(directory, `segment_${next}.ts.tmp`));
		feed.gops(4_000, 8_000).end(8_000);
		recordings.ended(stream);
		const line = await logged('recording is finished');
		assert.equal(line['recovered'], true);
		assert.ok((await listed()).endsWith('#EXT-X-ENDLIST\n'));
	});

	it('removes takes that are too old, but not one that is being written', async () => {
		const old = new Date(Date.now() - 8 * 86_400_000);
		for (const [name, file] of [
			['gone', 'index.flv'],
			['kept', 'index.flv'],
			['kept', '2020-01-01T00-00-00Z.flv'],
		]) {
			await mkdir(path.dirname(take('live', name)), { recursive: true });
			await writeFile(take('live', name, file), 'x');
			await utimes(take('live', name, file), old, old);
		}
		await utimes(take('live', 'kept'), new Date(), new Date());
		await start();
		await logged('old recordings were removed', 2);
		assert.deepEqual(await readdir(path.join(media, 'flv', 'live')), ['kept']);
		assert.deepEqual(await readdir(path.dirname(take('live', 'kept'))), ['index.flv']);
	});
});
