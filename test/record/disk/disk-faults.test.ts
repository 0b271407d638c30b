import assert from 'node:assert/strict';
import { readdirSync, rmSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { advanceAll, finishTakes, type RecordedOutput, recordEverything } from '../../support/all-outputs.js';
import { ClipFeed } from '../../support/clip-feed.js';
import { CLIP } from '../../support/publish.js';
import { checkRecordedFiles } from '../../support/recorded-files.js';

/** A playlist that slides is made anew now and then. */
const HLS = { segment: '1900ms', maxSegment: '4s', window: '6s' };
const STEPS = 30;

/** The file that is being written when the disk is full: in the directory of HLS, or of an fMP4 take. */
const PLACES = [
	['hls', 'index.m3u8.tmp'],
	['hls', 'segment_3.ts.tmp'],
	['fmp4', 'output_merge/segment_3.m4s.tmp'],
	['fmp4', 'output_separate/video_3.m4s.tmp'],
	['fmp4', 'output_separate/audio_3.m4s.tmp'],
	['fmp4', 'output_separate/manifest.mpd.tmp'],
	['fmp4', 'output_separate/meta.json.tmp'],
	['fmp4', 'output_merge/meta.json.tmp'],
] as const;

describe('a disk that is full at one file', () => {
	for (const [output, file] of PLACES) {
		it(`costs ${output} its take and the others nothing: ${file}`, async (t) => {
			const root = await mkdtemp(path.join(tmpdir(), 'millrace-fault-'));
			t.after(() => rm(root, { recursive: true }));
			const feed = new ClipFeed(CLIP);
			const outputs = recordEverything(feed.ring, root, 'a', { hls: HLS });
			const hit = outputs.find((candidate) => candidate.output === output)!;
			const others = outputs.filter((other) => other !== hit);
			const second = (): Promise<boolean> => {
				feed.play(feed.nextMs + 1000);
				return advanceAll(outputs);
			};
			await second();
			await second();
			await second();
			const full = path.join(directoryOf(hit), file);
			symlinkSync('/dev/full', full);
			// A take says every eighth segment how far it is.
			for (let step = 0; step < STEPS && hit.figures.get('failures') === 0; step++) {
				await second();
			}
			assert.deepEqual([hit.figures.get('failures'), hit.figures.get('active')], [1, 0]);
			const alarm = hit.events.at(-1);
			assert.deepEqual([alarm?.level, alarm?.fields['code']], ['error', 'ENOSPC']);
			rmSync(full, { force: true });
			await checkRecordedFiles(root, `with ${file} on a full disk`);
			for (let step = 0; step < STEPS; step++) {
				await second();
			}
			assert.deepEqual([hit.figures.get('takes'), hit.figures.get('active')], [2, 1]);
			for (const { figures } of others) {
				assert.deepEqual([figures.get('takes'), figures.get('failures'), figures.get('skips')], [1, 0, 0]);
			}
			feed.end();
			assert.equal(await advanceAll(outputs), true);
			await finishTakes(outputs);
			await checkRecordedFiles(root, 'in the end');
		});
	}
});

function directoryOf({ output, directory }: RecordedOutput): string {
	if (output === 'hls') {
		return directory;
	}
	return path.join(directory, readdirSync(directory).find((name) => /^\d/.test(name))!);
}
