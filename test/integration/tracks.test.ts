import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clip } from '#src/tools/load/clip.js';
import { isSequenceHeader, type Tag, TagType } from '#src/tools/load/flv-scanner.js';
import { assertSameOrder, framesOfTags } from '../support/frames.js';
import { CLIP, frames, publish, viewersOf } from '../support/publish.js';
import { startServer } from '../support/test-server.js';

const FRAMES_SEEN = 120;
const LATE_MS = 2500;

type Case = { name: string; keep: (tag: Tag) => boolean; flags: number };

const cases: Case[] = [
	{ name: 'audio and video', keep: () => true, flags: 5 },
	{ name: 'audio only', keep: (tag) => tag.type !== TagType.video, flags: 4 },
	{ name: 'video only', keep: (tag) => tag.type !== TagType.audio, flags: 1 },
];

test('a stream has the tracks that are really in it, whatever its metadata says', { concurrency: true }, async (t) => {
	const server = await startServer(t, { config: { play: { missing: 'wait' } } });
	await Promise.all(
		cases.flatMap(({ name, keep, flags }, index) =>
			(['rtmp', 'http'] as const).map((protocol) =>
				t.test(`${name}, by ${protocol}`, async (t) => {
					const stream = `live/tracks-${index}-${protocol}`;
					const clip = new Clip(CLIP.frames.filter(keep), CLIP.headers.filter(keep));
					await publish(t, protocol === 'rtmp' ? server.rtmpUrl(stream) : server.httpUrl(stream), clip);
					const watchers = viewersOf(t, server, stream);
					await frames(watchers, FRAMES_SEEN);
					for (const watcher of watchers) {
						assert.equal(watcher.failure, null);
						const { flvFlags } = watcher.viewer;
						assert.ok(flvFlags === -1 || flvFlags === flags, `FLV header flags ${flvFlags}`);
						assertSameOrder(framesOfTags(watcher.tags), framesOfTags(clip.frames));
					}
				}),
			),
		),
	);
});

test('a track that starts late reaches viewers who are there already, with its sequence header first', async (t) => {
	const server = await startServer(t, { config: { play: { missing: 'wait' } } });
	const isLate = (tag: Tag): boolean => tag.type === TagType.audio;
	const header = CLIP.headers.find(isLate)!;
	const kept = CLIP.frames.filter((tag) => !isLate(tag) || tag.dtsMs >= LATE_MS);
	const firstLate = kept.findIndex(isLate);
	const late = kept.toSpliced(firstLate, 0, { ...header, dtsMs: kept[firstLate]!.dtsMs });
	await publish(
		t,
		server.rtmpUrl('live/late'),
		new Clip(
			late,
			CLIP.headers.filter((tag) => !isLate(tag)),
		),
	);
	const watchers = viewersOf(t, server, 'live/late');
	await frames(watchers, 200);
	for (const watcher of watchers) {
		assert.equal(watcher.failure, null);
		const audio = watcher.tags.filter(isLate);
		assert.ok(audio.length > 20, `${audio.length} audio tags`);
		assert.ok(isSequenceHeader(audio[0]!), 'the sequence header comes first');
		assert.equal(watcher.viewer.check.faults.backwardSteps, 0);
	}
});
