import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Variants } from '#src/record/hls/variants.js';
import { H264, HlsSimulation } from '../../support/hls-simulation.js';

const RULES = [
	{ suffix: '_low', bandwidth: 400_000, resolution: '' },
	{ suffix: '_very_low', bandwidth: 100_000, resolution: '160x90' },
	{ suffix: '_hi', bandwidth: 2_000_000, resolution: '1280x720' },
];
const SOURCE = { gopsMs: [2000] };

describe('variants', () => {
	let app: string;
	beforeEach(async () => {
		app = await mkdtemp(path.join(tmpdir(), 'millrace-hls-'));
	});
	afterEach(() => rm(app, { recursive: true }));

	const simulate = (name: string) => {
		const directory = path.join(app, name);
		return new HlsSimulation(directory, { variants: Variants.of(directory, RULES) }).open();
	};
	const master = () => readFile(path.join(app, 'a.m3u8'), 'utf8');
	const uris = async () => (await master()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

	it('are streams whose name ends like one of them', async () => {
		assert.equal(Variants.of(path.join(app, 'a'), RULES), null);
		assert.equal(Variants.of(path.join(app, '_low'), RULES), null);
		await (await simulate('a_very_low')).run(20_000, SOURCE);
		assert.match(await master(), /BANDWIDTH=100000,.*RESOLUTION=160x90\na_very_low\/index\.m3u8\n/);
	});

	it('are listed in the order of the configuration, with what each knows of itself', async () => {
		await (await simulate('a_hi')).run(20_000, SOURCE);
		const low = await simulate('a_low');
		await low.run(20_000, SOURCE);
		const text = await master();
		assert.deepEqual(await uris(), ['a_low/index.m3u8', 'a_hi/index.m3u8']);
		assert.equal(text.match(/CODECS="avc1[^"]*,mp4a\.40\.2"/g)?.length, 2);
		assert.match(text, new RegExp(`BANDWIDTH=400000,.*RESOLUTION=${H264.width}x${H264.height}\\n`));
		assert.match(text, /BANDWIDTH=2000000,.*RESOLUTION=1280x720\n/);
		await low.run(20_000, SOURCE);
		assert.equal(await master(), text);
		assert.deepEqual((await readdir(app)).sort(), ['a.m3u8', 'a_hi', 'a_low']);
	});

	it('that have ended are listed when no other is live', async () => {
		const hi = await (await simulate('a_hi')).run(20_000, SOURCE);
		const low = await (await simulate('a_low')).run(20_000, SOURCE);
		await hi.finish(true);
		assert.deepEqual(await uris(), ['a_low/index.m3u8']);
		await low.finish(true);
		assert.deepEqual(await uris(), ['a_low/index.m3u8', 'a_hi/index.m3u8']);
		assert.match(await master(), /RESOLUTION=1280x720\na_hi/);
	});
});
