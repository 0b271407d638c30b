import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { BAR_STEP_MS } from '#src/tools/load/clip.js';
import type { Tag } from '#src/tools/load/flv-scanner.js';
import { Viewer } from '#src/tools/load/viewer.js';
import { until } from './until.js';

/** A viewer that keeps all it receives, in order. */
export type Watcher = {
	/** Tags with bodies of their own, onMetaData and sequence headers included. */
	readonly tags: Tag[];
	/** Why it is no longer served; null while it is. */
	readonly failure: string | null;
	readonly viewer: Viewer;
	/** Resolves when `count` more frames have come from now on. */
	more(count: number): Promise<void>;
	/** Resolves when the server has closed the connection. */
	end(): Promise<void>;
};

/** Opens a viewer of `url` (`http:`, `ws:` or `rtmp:`); it is closed after the test. */
export function watch(t: TestContext, url: string): Watcher {
	const tags: Tag[] = [];
	const onTag = (tag: Tag): void => {
		tags.push({ ...tag, body: Buffer.from(tag.body) });
	};
	const viewer = new Viewer({ url: new URL(url), checked: true, stepMs: BAR_STEP_MS, onTag });
	t.after(() => viewer.close());
	return {
		tags,
		viewer,
		get failure() {
			return viewer.failure;
		},
		more: async (count) => {
			const goal = tags.length + count;
			await until(`${count} more tags at ${url}`, () => tags.length >= goal || viewer.failure !== null);
			assert.ok(tags.length >= goal, `${url} has failed ${goal - tags.length} tags too early: ${viewer.failure}`);
		},
		end: () => until(`${url} is closed`, () => viewer.failure !== null),
	};
}
