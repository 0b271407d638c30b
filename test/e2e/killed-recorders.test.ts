import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Recordings } from '#src/process/recordings.js';
import { RemuxPool } from '#src/process/remux-pool.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';
import { OUTPUT_NAMES, OUTPUTS, type OutputName } from '#src/record/outputs.js';
import { loadClip } from '#src/tools/load/clip.js';
import { isKeyframe, TagType } from '#src/tools/load/flv-scanner.js';
import { startChild } from '../support/children.js';
import { testConfig } from '../support/config.js';
import { decodedHashes } from '../support/decoded.js';
import { type Progress, readProgress } from '../support/kill-target.js';
import { patient } from '../support/patience.js';
import { Program } from '../support/program.js';
import { keptLog, type LogLine } from '../support/silent-log.js';
import { missing } from '../support/tools.js';
import { sleep, until } from '../support/until.js';

const KILLS = 50;
/** Side by side, one for each of two cores. */
const LANES = 2;
const STREAMS = 1;
/** Takes that a target may make before it is killed at some moment within the next one. */
const MAX_TAKES = 15;
const FRAMES_PER_SECOND = 25;
const SAMPLE_RATE = 44_100;
const TARGET = fileURLToPath(new URL('../support/kill-target.js', import.meta.url));
/** Pictures that may be lost of those that the recorder had read: an FLV take is whole after each write. */
const MAX_LOST: Record<OutputName, number> = {
	flv: 0,
	// A fragment of a second, and the picture that waits for the next one to know how long it is shown.
	fmp4: FRAMES_PER_SECOND + 1,
	// A segment of two GOPs, likewise.
	hls: 2 * FRAMES_PER_SECOND + 1,
};
/** A source that is cut off leaves pictures out that were to be shown before its last ones. */
const MAX_REORDERED = 3;

test('recorders killed at 50 random moments leave takes that are whole but for what was being written', {
	skip: missing('ffmpeg'),
	timeout: patient(220_000),
}, async (t) => {
	const root = await mkdtemp(path.join(tmpdir(), 'millrace-killed-'));
	t.after(() => rm(root, { recursive: true, force: true }));
	const clip = path.join(root, 'clip.flv');
	await makeClip(t, clip);
	const media = path.join(root, 'media');
	const left: Progress[] = [];
	const lanes = Array.from({ length: LANES }, async (_, lane) => {
		for (let kill = lane; kill < KILLS; kill += LANES) {
			left.push(...(await runAndKill({ media, clip, name: `k${kill}`, progress: path.join(root, `k${kill}`) })));
		}
	});
	await Promise.all(lanes);
	assert.equal(left.length, KILLS * STREAMS);
	const log = await recover(t, media, left);
	const source = await decodedHashes(t, [clip]);
	const saved: Record<OutputName, number> = { flv: 0, fmp4: 0, hls: 0 };
	const checks = Array.from({ length: LANES }, async (_, lane) => {
		for (const take of left.filter((_, index) => index % LANES === lane)) {
			for (const output of await checkTake(t, media, take, source[0]!.video)) {
				saved[output]++;
			}
		}
	});
	await Promise.all(checks);
	for (const output of OUTPUT_NAMES) {
		const recovered = log.filter((line) => line['recovered'] === true && line['output'] === output).length;
		t.diagnostic(`${output}: ${saved[output]} takes of ${left.length} have media, ${recovered} were recovered`);
		assert.ok(saved[output] > left.length / 4, output);
	}
});

async function makeClip(t: TestContext, file: string): Promise<void> {
	const inputs = [
		'-f',
		'lavfi',
		'-i',
		`testsrc2=s=160x90:r=${FRAMES_PER_SECOND}`,
		'-f',
		'lavfi',
		'-i',
		`sine=r=${SAMPLE_RATE}`,
	];
	const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', `${FRAMES_PER_SECOND}`];
	const ffmpeg = new Program(t, 'ffmpeg', ['-v', 'error', ...inputs, '-t', '20', ...video, '-c:a', 'aac', file]);
	await ffmpeg.succeed();
	const pictures = loadClip(file).frames.filter(({ type }) => type === TagType.video);
	assert.ok(
		pictures.every((tag, index) => isKeyframe(tag) === (index % FRAMES_PER_SECOND === 0)),
		'a keyframe a second',
	);
}

type Life = { media: string; clip: string; name: string; progress: string };

/** @returns what the killed recorders had come to; their takes are all that is left under `media` of this life. */
async function runAndKill({ media, clip, name, progress }: Life): Promise<Progress[]> {
	const target = startChild(process.execPath, [TARGET, media, clip, name, String(STREAMS), progress], {
		stdio: ['ignore', 'inherit', 'inherit'],
	});
	const exit = once(target, 'exit');
	await until('the recorders run', () => takesBegun(progress) > 0);
	const begunAtMs = performance.now();
	const takes = 1 + Math.floor(Math.random() * MAX_TAKES);
	await until(`${takes} takes have begun`, () => takesBegun(progress) > takes);
	await sleep((Math.random() * (performance.now() - begunAtMs)) / takes);
	target.kill('SIGKILL');
	assert.deepEqual(await exit, [null, 'SIGKILL']);
	const left = readProgress(readFileSync(progress, 'utf8'));
	for (const output of OUTPUT_NAMES) {
		const takes = path.join(media, OUTPUTS[output].folder, 'live');
		const past = existsSync(takes) ? readdirSync(takes).filter((take) => take.startsWith(`${name}-`)) : [];
		const others = past.filter((take) => left.every((last) => last.name !== take));
		await Promise.all(others.map((take) => rm(path.join(takes, take), { recursive: true })));
	}
	return left;
}

/** Takes that every stream of a target has begun. */
function takesBegun(progress: string): number {
	const last = existsSync(progress) ? readProgress(readFileSync(progress, 'utf8')) : [];
	const begun = last.map(({ name }) => 1 + Number(name.split('-').at(-1)));
	return last.length === STREAMS ? Math.min(...begun) : 0;
}

/** Starts the recordings of a server on what is there. @returns its log once all is recovered that must be. */
async function recover(t: TestContext, media: string, left: readonly Progress[]): Promise<LogLine[]> {
	const { log, lines } = keptLog();
	const pool = new RemuxPool({ threads: 1, log });
	t.after(() => pool.close());
	const config = testConfig({ media, publish: { grace: '0s' }, record: { minFree: 0 } });
	const recordings = new Recordings({ config, pool, log });
	await recordings.start();
	for (const { name, written, ended } of left) {
		for (const output of OUTPUT_NAMES) {
			if (!ended && written - MAX_LOST[output] > 0) {
				const isIt = (line: LogLine): boolean =>
					line['stream'] === name && line['output'] === output && line['recovered'] === true;
				await until(`${output} of ${name} is recovered`, () => lines.some(isIt));
			}
		}
	}
	await recordings.finish(Date.now() + 30_000);
	assert.deepEqual(
		lines.filter(({ level }) => level >= 40),
		[],
	);
	return lines;
}

/** @returns the outputs that have media. */
async function checkTake(t: TestContext, media: string, take: Progress, source: string[]): Promise<OutputName[]> {
	const { name, inRing, written } = take;
	const home = path.join(media, 'mp4', 'live', name);
	const fmp4 = existsSync(home) ? path.join(home, readdirSync(home).find((entry) => /^\d/.test(entry)) ?? '') : home;
	const files: [OutputName, string][] = [
		['flv', path.join(media, 'flv', 'live', name, 'index.flv')],
		['fmp4', path.join(fmp4, 'output_merge', `${name}_full.mp4`)],
		['fmp4', path.join(fmp4, 'output_merge', 'index.m3u8')],
		['fmp4', path.join(fmp4, 'output_separate', 'index.m3u8')],
		['hls', path.join(media, 'hls', 'live', name, 'index.m3u8')],
	];
	const least = (output: OutputName): number => written - MAX_LOST[output];
	const there = files.filter(([output, file]) => {
		assert.ok(existsSync(file) || least(output) <= 0, `${file} is not there: ${JSON.stringify(take)}`);
		return existsSync(file);
	});
	const separate = ['video.m3u8', 'audio.m3u8'].map((name) => path.join(fmp4, 'output_separate', name));
	const playlists = [...there.map(([, file]) => file), ...separate.filter(existsSync)];
	for (const file of playlists.filter(
		(file) => file.endsWith('.m3u8') && !file.endsWith('output_separate/index.m3u8'),
	)) {
		const checker = new PlaylistChecker();
		assert.ok(checker.see(readFileSync(file, 'utf8')).ended, `${file} has no end`);
		assert.deepEqual(checker.violations, [], file);
	}
	// A take that was only beginning may have one of its tracks.
	const begun = there.filter(([output]) => least(output) > 0);
	const inputs = begun.map(([, file]) => file);
	const decoded = inputs.length === 0 ? [] : await decodedHashes(t, inputs);
	for (const [index, [output, file]] of begun.entries()) {
		const { video, audio } = decoded[index]!;
		const what = `${file} has ${video.length} pictures: ${JSON.stringify(take)}`;
		assert.ok(video.length >= least(output) && video.length <= inRing, what);
		// Separate tracks are written one after the other.
		const apart = Math.abs((audio.length * 1024) / SAMPLE_RATE - video.length / FRAMES_PER_SECOND);
		assert.ok(apart < (file.includes('output_separate') ? 1.3 : 0.3), `${what}, ${audio.length} sounds`);
		const whole = Math.max(0, video.length - MAX_REORDERED);
		assert.deepEqual(video.slice(0, whole), source.slice(0, whole), what);
		const last = source.slice(whole, video.length + MAX_REORDERED);
		assert.ok(
			video.slice(whole).every((hash) => last.includes(hash)),
			what,
		);
	}
	return [...new Set(begun.map(([output]) => output))];
}
