import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { advanceAll, finishTakes, type RecordedOutput, recordEverything } from '../support/all-outputs.js';
import { ClipFeed } from '../support/clip-feed.js';
import { patient } from '../support/patience.js';
import { CLIP } from '../support/publish.js';
import { checkRecordedFiles } from '../support/recorded-files.js';

/** More than anything needs: an MP4 is not made with less than 256 MiB free. */
const ROOMY_BYTES = 1024 ** 3;
const HLS = { segment: '1900ms', maxSegment: '4s', type: 'event' };
/** Recorders leave a disk alone for 20 steps after it has failed. */
const STEPS_TO_RETURN = 25;

test('a disk that is full, wherever it hits, ends each output with an alarm and whole files; they go on when there is room', {
	timeout: patient(120_000),
}, async (t) => {
	const disk = await mountSmallDisk(t);
	if (disk === null) {
		t.diagnostic('no right to mount a small disk: nothing was tested');
		return;
	}
	const hit = new Set<string>();
	for (let round = 0; round < 24; round++) {
		const media = path.join(disk, 'media');
		await mkdir(media);
		// Room for a second to twenty: it ends within another file each time.
		resize(disk, 64 * 1024 + round * 88 * 1024);
		const feed = new ClipFeed(CLIP);
		const outputs = recordEverything(feed.ring, media, 'a', { hls: HLS });
		const second = async (): Promise<boolean> => {
			feed.play(feed.nextMs + 1000);
			return advanceAll(outputs);
		};
		for (let step = 0; outputs.some(({ figures }) => figures.get('failures') === 0); step++) {
			assert.ok(step < 60, 'never full');
			await second();
		}
		for (const { output, events, figures } of outputs) {
			const alarm = events.find(({ level }) => level === 'error');
			assert.equal(alarm?.fields['code'], 'ENOSPC', JSON.stringify(events));
			hit.add(`${output} ${String(alarm?.fields['error'])}`);
			assert.equal(figures.get('active'), 0, output);
		}
		await checkRecordedFiles(media, 'while the disk is full');
		resize(disk, ROOMY_BYTES);
		for (let step = 0; step < STEPS_TO_RETURN; step++) {
			await second();
		}
		for (const { output, figures } of outputs) {
			assert.equal(figures.get('active'), 1, `${output} records again`);
		}
		feed.end();
		assert.equal(await advanceAll(outputs), true);
		await finishTakes(outputs.filter(hasTakes));
		await checkRecordedFiles(media, 'in the end');
		await rm(media, { recursive: true });
	}
	t.diagnostic([...hit].join('\n'));
});

function hasTakes({ takes }: RecordedOutput): boolean {
	return takes.length > 0;
}

/** A directory on a disk of its own; null where nobody may mount one. */
async function mountSmallDisk(t: TestContext): Promise<string | null> {
	const directory = await mkdtemp(path.join(tmpdir(), 'millrace-small-'));
	let mounted = false;
	t.after(async () => {
		if (mounted) {
			execFileSync('umount', [directory]);
		}
		await rm(directory, { recursive: true });
	});
	try {
		execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', directory], { stdio: 'pipe' });
	} catch {
		return null;
	}
	mounted = true;
	return directory;
}

function resize(disk: string, bytes: number): void {
	execFileSync('mount', ['-o', `remount,size=${bytes}`, disk]);
}
