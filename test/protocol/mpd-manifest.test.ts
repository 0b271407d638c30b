import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOfAc3Sample, parseAacConfig, parseH264Config } from '#src/codec/track-config.js';
import { describeTrack } from '#src/protocol/mpd/manifest.js';
import * as vectors from '../codec/vectors.js';

test('a manifest describes sound as it comes out of the decoder', () => {
	for (const [name, config, sampleRate, channels] of [
		['AAC-LC', parseAacConfig(vectors.ascLc), 44_100, 2],
		['HE-AAC', parseAacConfig(vectors.ascHe), 44_100, 2],
		['HE-AAC behind an AAC-LC configuration', parseAacConfig(vectors.ascHeBackward), 44_100, 2],
		['HE-AAC v2', parseAacConfig(vectors.ascHeV2), 48_000, 2],
		['HE-AAC v2 behind an AAC-LC configuration', parseAacConfig(vectors.ascHeV2Backward), 44_100, 2],
		['AAC-LC of a program config element', parseAacConfig(vectors.ascProgramConfig), 48_000, 6],
		['AC-3', configOfAc3Sample(vectors.ac3Frame51), 48_000, 6],
	] as const) {
		const track = describeTrack({ config, timescale: config.sampleRate });
		assert.deepEqual([track.sampleRate, track.channels], [sampleRate, channels], name);
		assert.equal(track.timescale, config.sampleRate, 'media times count samples of the core');
	}
	const picture = describeTrack({ config: parseH264Config(vectors.avcC), timescale: 90_000 });
	assert.deepEqual([picture.sampleRate, picture.channels, picture.width], [null, null, 1918]);
});
