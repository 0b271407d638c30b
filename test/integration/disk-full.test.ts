import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { scanSegment } from '#src/record/fragment-scan.js';
import { advanceAll, finishTakes, type RecordedOutput, recordEverything } from '../support/all-outputs.js';
import { ClipFeed } from '../support/clip-feed.js';
import { readFlvFile } from '../support/flv-file.js';
import { CLIP } from '../support/publish.js';

/** More than anything needs: an MP4 is not made with less than 256 MiB free. */
const ROOMY_BYTES = 1024 ** 3;
const TS_PACKET_BYTES = 188;
const HLS = { segment: '1900ms', maxSegment: '4s', type: 'event' };
/** Recorders leave a disk alone for 20 steps after it has failed. */
const STEPS_TO_RETURN = 25;

test('a disk that is full, wherever it hits, ends each output with an alarm and whole files; they go on when there is room', {
	timeout: 120_000,
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
		await checkFiles(media, 'while the disk is full');
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
		await checkFiles(media, 'in the end');
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

/** Whatever is there under a final name is whole, and what is listed is there. */
async function checkFiles(media: string, when: string): Promise<void> {
	for (const entry of readdirSync(media, { recursive: true, encoding: 'utf8' })) {
		const file = path.join(media, entry);
		const what = `${entry} ${when}`;
		if (entry.endsWith('.flv')) {
			readFlvFile(file);
		} else if (entry.endsWith('.m4s')) {
			const { fragments, validBytes } = await scanSegment(file);
			assert.ok(fragments.length > 0 && validBytes === statSync(file).size, what);
		} else if (entry.endsWith('.ts')) {
			assert.ok(statSync(file).size > 0 && statSync(file).size % TS_PACKET_BYTES === 0, what);
		} else if (entry.endsWith('.json')) {
			JSON.parse(readFileSync(file, 'utf8'));
		} else if (entry.endsWith('.m3u8')) {
			checkPlaylist(file, what);
		}
	}
}

function checkPlaylist(file: string, what: string): void {
	const text = readFileSync(file, 'utf8');
	assert.ok(text.endsWith('\n'), `${what} ends in the middle of a line`);
	if (text.includes('#EXT-X-STREAM-INF')) {
		return;
	}
	const checker = new PlaylistChecker();
	checker.see(text);
	assert.deepEqual(checker.violations, [], what);
	for (const { uri, map } of parseMediaPlaylist(text).segments) {
		assert.ok(existsSync(path.join(path.dirname(file), uri)), `${uri} of ${what}`);
		assert.ok(map === null || existsSync(path.join(path.dirname(file), map)), `${map} of ${what}`);
	}
}
