import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { BAR_CLIP, BAR_STEP_MS, loadClip } from '#src/tools/load/clip.js';
import { encodeTag, FLV_HEADER, type Tag } from '#src/tools/load/flv-scanner.js';
import { Viewer } from '#src/tools/load/viewer.js';
import { until } from '../../support/until.js';

const clip = loadClip(BAR_CLIP);
const OK = 'HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\n\r\n';
const FRAMES = 120;

type Case = { name: string; answer: (socket: Socket) => void; expected: object };

const cases: Case[] = [
	{
		name: 'a perfect stream has no faults',
		answer: (socket) => socket.end(flv(frames())),
		expected: { served: true, backwardSteps: 0, missingFrames: 0, undecodable: 0 },
	},
	{
		name: 'a body in HTTP chunks that cut tags anywhere is the same stream',
		answer: (socket) => socket.end(chunked(flv(frames()), 701)),
		expected: { served: true, backwardSteps: 0, missingFrames: 0, undecodable: 0 },
	},
	{
		name: 'a refusal is not a served viewer, whatever its body',
		answer: (socket) => socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope`),
		expected: { served: false, failure: 'HTTP 404' },
	},
	{
		name: 'an answer without a body is not a served viewer',
		answer: (socket) => socket.end(OK),
		expected: { served: false, failure: 'closed by the server' },
	},
	{
		name: 'a body that is not FLV is a failure',
		answer: (socket) => socket.end(`${OK}<html>not a live stream</html>`),
		expected: { served: false, failure: 'not an FLV header: 3c68746d6c3e6e6f74' },
	},
	{
		name: 'lost frames are counted',
		answer: (socket) => socket.end(flv(frames().filter((_, index) => index < 60 || index > 75))),
		expected: { served: true, missingFrames: 16 },
	},
	{
		name: 'a step back in time is counted once for each track',
		answer: (socket) => socket.end(flv([...frames(), ...frames().slice(60)])),
		expected: { served: true, backwardSteps: 2 },
	},
	{
		name: 'frames before the first keyframe are counted',
		answer: (socket) => socket.end(flv(frames(3).filter((tag) => tag.type === 9))),
		expected: { served: false, undecodable: 42 },
	},
	{
		name: 'frames without a sequence header are counted',
		answer: (socket) =>
			socket.end(Buffer.concat([Buffer.from(OK), FLV_HEADER, ...frames().slice(0, 9).map(encodeTag)])),
		expected: { served: true, undecodable: 9 },
	},
];

for (const { name, answer, expected } of cases) {
	test(`the load test's viewer: ${name}`, async (t) => {
		const viewer = await watch(t, answer);
		const served = viewer.firstKeyframeMs !== null;
		const found = { served, failure: viewer.failure, ...viewer.check.faults };
		assert.deepEqual(found, { ...found, ...expected });
	});
}

/** A viewer that has read all that `answer` sends to it. */
async function watch(t: TestContext, answer: (socket: Socket) => void): Promise<Viewer> {
	const server: Server = createServer((socket) => socket.once('data', () => answer(socket)));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => server.close());
	const { port } = server.address() as { port: number };
	const url = new URL(`http://127.0.0.1:${port}/live/x.flv`);
	const viewer = new Viewer({ url, checked: true, stepMs: BAR_STEP_MS });
	await until(() => viewer.failure !== null);
	viewer.close();
	return viewer;
}

function frames(from = 0): Tag[] {
	return clip.frames.slice(from, from + FRAMES);
}

function flv(tags: Tag[]): Buffer {
	return Buffer.concat([Buffer.from(OK), FLV_HEADER, ...clip.headers.map(encodeTag), ...tags.map(encodeTag)]);
}

function chunked(response: Buffer, size: number): Buffer {
	const body = response.subarray(OK.length);
	const parts: Buffer[] = [Buffer.from(OK.replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n'))];
	for (let at = 0; at < body.length; at += size) {
		const chunk = body.subarray(at, at + size);
		parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
	}
	return Buffer.concat(parts);
}
