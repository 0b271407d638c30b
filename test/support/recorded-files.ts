import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseMediaPlaylist } from '#src/protocol/m3u8/media-playlist-parser.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { scanSegment } from '#src/record/fmp4/fragment-scan.js';
import { readFlvFile } from './flv-file.js';

const TS_PACKET_BYTES = 188;

/** Checks that a file with a final name is whole, and that a listed file is there. */
export async function checkRecordedFiles(media: string, when: string): Promise<void> {
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
