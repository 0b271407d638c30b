import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { finishFmp4Take } from '../../record/fmp4/finish-take.js';
import { Fmp4Take } from '../../record/fmp4/take.js';
import { CmafPackager } from '../../remux/cmaf-packager.js';
import { SegmentPlanner } from '../../remux/segment-planner.js';
import type { Input } from './input.js';

/** Same as in a live recording: fragments of a second. */
const FRAGMENT_MS = 1000;
/** The disk is given this much at a time. */
const FLUSH_BYTES = 2 * 1024 * 1024;

/** A directory as a recording leaves it: fMP4 mixed and separate, playlists, a DASH manifest, and one MP4. */
export async function toTake({ read }: Input, output: string): Promise<void> {
	await mkdir(output, { recursive: true });
	const startedAtMs = (await stat(output)).mtimeMs;
	const take = await Fmp4Take.open(output, Math.round(startedAtMs));
	let flushedAt = 0;
	await read(
		new SegmentPlanner(new CmafPackager(take, { pool: take.pool }), { partMs: FRAGMENT_MS }),
		async (position) => {
			if (Math.abs(position - flushedAt) >= FLUSH_BYTES) {
				flushedAt = position;
				await take.flush();
			}
		},
	);
	await take.flush();
	await finishFmp4Take(output, path.basename(path.resolve(output)));
}
