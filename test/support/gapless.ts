import assert from 'node:assert/strict';
import { isSequenceHeader, TagType } from '#src/tools/load/flv-scanner.js';
import type { Watcher } from './watch.js';

/** Every tag that the stream has had since this viewer came, once, in order, under one FLV header. */
export function assertGapless({ viewer, failure, tags }: Watcher): void {
	const { protocol } = viewer.options.url;
	assert.equal(failure, null, `the ${protocol} viewer is still connected`);
	assert.deepEqual(viewer.check.faults, { backwardSteps: 0, missingFrames: 0, undecodable: 0 }, protocol);
	assert.equal(
		new Set(tags.filter(isMedia).map(({ type, dtsMs }) => `${type}:${dtsMs}`)).size,
		tags.filter(isMedia).length,
	);
	assertHeadersOnce({ tags });
}

export function assertHeadersOnce({ tags }: Pick<Watcher, 'tags'>): void {
	for (const type of [TagType.video, TagType.audio]) {
		assert.equal(tags.filter((tag) => tag.type === type && isSequenceHeader(tag)).length, 1, 'one sequence header');
	}
}

function isMedia(tag: Watcher['tags'][number]): boolean {
	return tag.type !== TagType.script && !isSequenceHeader(tag);
}
