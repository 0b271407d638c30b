import { request } from 'node:http';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { Clip } from '#src/tools/load/clip.js';
import { encodeTag, FLV_HEADER, type Tag } from '#src/tools/load/flv-scanner.js';
import { Program } from './program.js';
import { sleep } from './until.js';

/** ffmpeg publishes a file as it is, at its own pace. */
export function ffmpegPush(t: TestContext, file: string, url: string, options: readonly string[] = []): Program {
	const method = url.startsWith('http') ? ['-method', 'POST'] : [];
	const input = ['-v', 'error', '-re', ...options, '-i', file];
	return new Program(t, 'ffmpeg', [
		...input,
		'-c',
		'copy',
		'-f',
		'flv',
		'-flvflags',
		'no_duration_filesize',
		...method,
		url,
	]);
}

/** Publishes tags as they are by HTTP, in their order, at `speed` times their own pace. Resolves with the status of the answer. */
export async function httpPush(tags: readonly Tag[], url: string, speed = 1): Promise<number> {
	const push = request(url, { method: 'POST', headers: { 'Content-Type': 'video/x-flv' } });
	const answered = new Promise<number>((resolve, reject) => {
		push.on('error', reject).on('response', (response) => {
			response.resume().on('end', () => resolve(response.statusCode!));
		});
	});
	push.write(FLV_HEADER);
	const startAtMs = performance.now();
	const firstMs = tags[0]?.dtsMs ?? 0;
	for (const tag of tags) {
		const waitMs = (tag.dtsMs - firstMs) / speed - (performance.now() - startAtMs);
		if (waitMs > 0) {
			await sleep(waitMs);
		}
		push.write(encodeTag(tag));
	}
	push.end();
	return answered;
}

/** Publishes one turn of a clip by WebSocket, in messages that are cut without regard to tags, at its own pace. */
export async function webSocketPush(clip: Clip, url: string, messageBytes: number): Promise<void> {
	const socket = new WebSocket(url);
	await new Promise<void>((resolve, reject) => {
		socket.once('open', resolve);
		socket.once('error', reject);
	});
	const startAtMs = performance.now();
	let pending = Buffer.concat([FLV_HEADER, ...clip.headers.map(encodeTag)]);
	for (const frame of clip.frames) {
		const waitMs = frame.dtsMs - (performance.now() - startAtMs);
		if (waitMs > 0) {
			await sleep(waitMs);
		}
		pending = Buffer.concat([pending, encodeTag(frame)]);
		while (pending.length >= messageBytes) {
			socket.send(pending.subarray(0, messageBytes));
			pending = pending.subarray(messageBytes);
		}
	}
	socket.send(pending);
	socket.close(1000);
	await new Promise<void>((resolve) => socket.once('close', () => resolve()));
}
