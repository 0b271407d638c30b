import type { TestContext } from 'node:test';
import { BAR_CLIP, type Clip, loadClip } from '#src/tools/load/clip.js';
import { PublisherGroup } from '#src/tools/load/publisher-group.js';
import type { ServerProcess } from './test-server.js';
import { type Watcher, watch } from './watch.js';

/** The standard clip of the benchmarks: H.264 with B-frames and AAC, a keyframe every 1.92 s. */
export const CLIP = loadClip(BAR_CLIP);

/** Publishes a clip in a loop at its own pace, until `close` or the end of the test. */
export async function publish(t: TestContext, url: string, clip: Clip = CLIP): Promise<PublisherGroup> {
	const group = new PublisherGroup(clip);
	t.after(() => group.close());
	await group.add(new URL(url));
	return group;
}

/** One viewer of each kind: HTTP-FLV, WebSocket-FLV, RTMP. */
export function viewersOf(t: TestContext, server: ServerProcess, stream: string): Watcher[] {
	const urls = [server.httpUrl(`${stream}.flv`), server.wsUrl(`${stream}.flv`), server.rtmpUrl(stream)];
	return urls.map((url) => watch(t, url));
}

/** Resolves when each of the viewers has got `count` more frames. */
export async function frames(watchers: readonly Watcher[], count: number): Promise<void> {
	await Promise.all(watchers.map((watcher) => watcher.more(count)));
}
