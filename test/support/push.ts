import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { Clip } from '#src/tools/load/clip.js';
import { encodeTag, FLV_HEADER } from '#src/tools/load/flv-scanner.js';
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
