import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { initUri, LIVE_MANIFEST, LIVE_PLAYLIST, trackSegmentUri } from '#src/live/names.js';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { patient } from '../support/patience.js';
import { connectionsOf, inEach, processesOf } from '../support/process-set.js';
import { publish } from '../support/publish.js';
import { type ServerProcess, startServer } from '../support/test-server.js';
import { until } from '../support/until.js';

const ORIGIN = { record: { flv: false, fmp4: false, hls: false } };
/** Shorter than the limits that end a connection on which nothing moves. */
const HANG_MS = 20_000;
const TRACKS = ['video', 'audio'] as const;
/** A Unix socket that is connected, in /proc/net/unix. */
const CONNECTED = '03';
/** The process of an origin that only delivers. */
const DELIVERY = 1;

/** A live stream, its origin process, and something in front of it. */
type Scene = {
	origin: ServerProcess;
	/** For one request after the other. */
	direct: Socket;
	/** For one request each. */
	edge: (count: number) => Promise<Socket[]>;
	/** Connections between the two that are open. */
	between: () => Promise<number>;
};

async function besideOrigin(t: TestContext): Promise<Scene> {
	const directory = mkdtempSync(join(tmpdir(), 'millrace-edge-'));
	t.after(() => rmSync(directory, { recursive: true }));
	const origin = await startServer(t, {
		config: { ...ORIGIN, delivery: { processes: 1 } },
		env: { TMPDIR: directory },
	});
	const open = async (index: number, count: number): Promise<Socket[]> => {
		const sockets: Socket[] = [];
		while (sockets.length < count) {
			// The connections to the other process stay as well: nobody may leave while connections are counted.
			sockets.push(...(await inEach(origin, () => connectTo(t, origin.ports.http))).get(index)!);
		}
		return sockets;
	};
	return {
		origin,
		direct: (await open(0, 1))[0]!,
		edge: (count) => open(DELIVERY, count),
		between: async () =>
			readFileSync('/proc/net/unix', 'utf8')
				.split('\n')
				.filter((line) => line.includes(directory) && line.split(/\s+/)[5] === CONNECTED).length,
	};
}

async function behindFileGateway(t: TestContext): Promise<Scene> {
	const origin = await startServer(t, { config: ORIGIN });
	const gateway = await startServer(t, {
		role: 'file-gateway',
		args: ['--upstream', `http://127.0.0.1:${origin.ports.files}`],
	});
	return {
		origin,
		direct: await connectTo(t, origin.ports.http),
		edge: (count) => Promise.all(Array.from({ length: count }, () => connectTo(t, gateway.ports.files))),
		between: async () => (await connectionsOf(origin)).get(0)!,
	};
}

async function connectTo(t: TestContext, port: number): Promise<Socket> {
	const socket = connect(port, '127.0.0.1');
	t.after(() => socket.destroy());
	socket.on('error', () => undefined);
	await once(socket, 'connect');
	return socket;
}

/** The head of an answer; its body is still to be read. */
async function get(socket: Socket, name: string): Promise<http.IncomingMessage> {
	const headers = { Connection: 'keep-alive' };
	const request = http.get({ path: `/hls/live/a/${name}`, headers, createConnection: () => socket });
	const [response] = (await once(request, 'response')) as [http.IncomingMessage];
	return response;
}

type Whole = { status: number; type: string; lifetime: string; body: Buffer };

async function getWhole(socket: Socket, name: string): Promise<Whole> {
	const response = await get(socket, name);
	const { statusCode, headers } = response;
	const body = await buffer(response);
	return {
		...{ status: statusCode ?? 0, type: headers['content-type'] ?? '', lifetime: headers['cache-control'] ?? '' },
		body,
	};
}

/** Number of the segment that is being made, and of its init segment. */
async function edgeOf({ direct }: Scene): Promise<{ msn: number; initMsn: number }> {
	const { body } = await getWhole(direct, LIVE_PLAYLIST);
	const { mediaSequence, segments } = parseMediaPlaylist(body.toString());
	return { msn: mediaSequence + segments.length, initMsn: Number(/\d+/.exec(segments.at(-1)!.map!)) };
}

/** Answers with the next segment, all tracks of it, as soon as their first bytes are there. */
async function nextSegment(
	scene: Scene,
): Promise<{ msn: number; initMsn: number; answers: http.IncomingMessage[]; pieces: Buffer[][] }> {
	const readers = await scene.edge(TRACKS.length);
	const { msn, initMsn } = await edgeOf(scene);
	const begun = await getWhole(scene.direct, `${LIVE_PLAYLIST}?_HLS_msn=${msn}&_HLS_part=0`);
	assert.equal(begun.status, 200);
	const pieces = TRACKS.map((): Buffer[] => []);
	const answers = await Promise.all(
		TRACKS.map(async (track, index) => {
			const answer = await get(readers[index]!, trackSegmentUri(track, initMsn, msn + 1));
			assert.equal(answer.statusCode, 200);
			answer.on('data', (piece: Buffer) => pieces[index]!.push(piece));
			await once(answer, 'data');
			return answer;
		}),
	);
	return { msn: msn + 1, initMsn, answers, pieces };
}

const PLACES = [
	['a delivery process', besideOrigin],
	['a file gateway', behindFileGateway],
] as const;

// At once: most of the time it is segments that are waited for.
describe('live DASH and LL-HLS', { concurrency: true, timeout: patient(60_000) }, () => {
	for (const [place, start] of PLACES) {
		it(`through ${place}`, async (t) => {
			const scene = await start(t);
			const { origin, direct, edge, between } = scene;
			await publish(t, origin.rtmpUrl('live/a'));
			await until('there is a playlist', async () => (await getWhole(direct, LIVE_PLAYLIST)).status === 200);

			await t.test('is what the origin process has, byte by byte', async () => {
				const { msn, initMsn } = await edgeOf(scene);
				const names = TRACKS.flatMap((track) => [initUri(initMsn, track), trackSegmentUri(track, initMsn, msn - 1)]);
				for (const name of names) {
					const expected = await getWhole(direct, name);
					assert.equal(expected.status, 200, name);
					assert.deepEqual(await getWhole((await edge(1))[0]!, name), expected, name);
				}
				await until('the manifest stood still meanwhile', async () => {
					const [socket] = await edge(1);
					const old = await getWhole(direct, LIVE_MANIFEST);
					const there = await getWhole(socket!, LIVE_MANIFEST);
					assert.equal(there.status, 200);
					assert.match(there.body.toString(), /<MPD /);
					const now = await getWhole(direct, LIVE_MANIFEST);
					if (!now.body.equals(old.body)) {
						return false;
					}
					assert.deepEqual(there, now);
					return true;
				});
			});

			await t.test('a segment comes while it is made', async () => {
				const { msn, initMsn, answers, pieces } = await nextSegment(scene);
				const { body } = await getWhole(direct, LIVE_PLAYLIST);
				const playlist = parseMediaPlaylist(body.toString());
				assert.equal(playlist.mediaSequence + playlist.segments.length, msn, 'it is not complete');
				await Promise.all(answers.map((answer) => once(answer, 'end')));
				for (const [index, track] of TRACKS.entries()) {
					assert.ok(pieces[index]!.length >= 3, `${pieces[index]!.length} pieces`);
					const complete = await getWhole(direct, trackSegmentUri(track, initMsn, msn));
					assert.deepEqual(Buffer.concat(pieces[index]!), complete.body);
				}
			});

			await t.test('who waits for the same is one request', async () => {
				const sockets = await edge(10);
				const { msn } = await edgeOf(scene);
				const open = await between();
				const answers = Promise.all(sockets.map((socket) => getWhole(socket, `${LIVE_PLAYLIST}?_HLS_msn=${msn}`)));
				const most: number[] = [];
				const sampling = setInterval(async () => most.push((await between()) - open), 50);
				const [first, ...others] = await answers;
				clearInterval(sampling);
				assert.equal(first!.status, 200);
				for (const other of others) {
					assert.deepEqual(other, first);
				}
				assert.ok(most.length >= 10 && Math.max(...most) <= 1, `connections more: ${most.join(' ')}`);
			});

			await t.test('who leaves in the middle of a segment leaves nothing behind', async () => {
				const { msn, answers } = await nextSegment(scene);
				const open = await between();
				for (const answer of answers) {
					answer.socket.destroy();
				}
				await until('its requests have ended', async () => (await between()) <= open - answers.length, 5000);
				assert.equal((await edgeOf(scene)).msn, msn, 'before the segment was complete');
			});

			await t.test('an origin that dies ends what it was in the middle of', { timeout: patient(HANG_MS) }, async () => {
				const { answers } = await nextSegment(scene);
				const [victim] = await processesOf(origin);
				process.kill(victim!.pid, 'SIGKILL');
				for (const answer of answers) {
					await assert.rejects(buffer(answer), { code: 'ECONNRESET' });
				}
			});
		});
	}
});
