import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
	configOfAc3Sample,
	configOfMp3Frame,
	parseAacConfig,
	parseAv1Config,
	parseFlacTrackConfig,
	parseH264Config,
	parseH265Config,
	parseOpusConfig,
	parseVpConfig,
	type TrackConfig,
} from '#src/codec/track-config.js';
import { type Box, findBox } from '#src/container/mp4/box-reader.js';
import { buildInitSegment, timescaleOf } from '#src/container/mp4/init-segment.js';
import { readMovie } from '#src/container/mp4/movie-reader.js';
import { PeerError } from '#src/errors.js';
import * as vectors from '../../codec/vectors.js';

export const configs: { name: string; config: TrackConfig }[] = [
	{ name: 'H.264', config: parseH264Config(vectors.avcC) },
	{ name: 'H.264 with wide samples', config: parseH264Config(vectors.avcCHigh422) },
	{ name: 'H.265', config: parseH265Config(vectors.hvcC) },
	{ name: 'AV1', config: parseAv1Config(vectors.av1C) },
	{ name: 'VP9', config: parseVpConfig('vp9', vectors.vpcCBox, vectors.vp9KeyFrame) },
	{ name: 'AAC', config: parseAacConfig(vectors.ascLc) },
	{ name: 'HE-AAC', config: parseAacConfig(vectors.ascHe) },
	{ name: 'MP3', config: configOfMp3Frame(vectors.mp3Frame) },
	{ name: 'Opus', config: parseOpusConfig(vectors.opusHead) },
	{ name: 'FLAC', config: parseFlacTrackConfig(vectors.dfLa) },
	{ name: 'AC-3', config: configOfAc3Sample(vectors.ac3Frame51) },
	{ name: 'E-AC-3', config: { ...configOfAc3Sample(vectors.eac3Frame51), frameSamples: 1536 } as TrackConfig },
];

function moovOf(bytes: Buffer): Box {
	const moov = findBox(bytes, 0, bytes.length, 'moov');
	assert(moov !== null);
	return moov;
}

describe('an init segment', () => {
	for (const { name, config } of configs) {
		test(`says of ${name} all that it was made from`, () => {
			const bytes = buildInitSegment([{ trackId: 7, config, mediaTimeOffset: 0 }]);
			const movie = readMovie(bytes, moovOf(bytes));
			assert.equal(movie.fragmented, true);
			assert.equal(movie.tracks.length, 1);
			const [track] = movie.tracks;
			assert.equal(track?.trackId, 7);
			assert.equal(track?.timescale, timescaleOf(config));
			assert.deepEqual(track?.config, config);
		});
	}

	test('holds several tracks', () => {
		const tracks = configs.map(({ config }, index) => ({ trackId: index + 1, config, mediaTimeOffset: 0 }));
		const bytes = buildInitSegment(tracks);
		const movie = readMovie(bytes, moovOf(bytes));
		assert.deepEqual(
			movie.tracks.map(({ trackId, config }) => ({ trackId, config, mediaTimeOffset: 0 })),
			tracks,
		);
	});

	test('cut anywhere or with any byte changed is read or refused, never a crash', () => {
		const tracks = configs.map(({ config }, index) => ({ trackId: index + 1, config, mediaTimeOffset: 0 }));
		const bytes = buildInitSegment(tracks);
		const attempt = (mutant: Buffer): void => {
			try {
				const moov = findBox(mutant, 0, mutant.length, 'moov');
				if (moov !== null) {
					readMovie(mutant, moov);
				}
			} catch (error) {
				assert(error instanceof PeerError, String(error));
			}
		};
		for (let at = 0; at < bytes.length; at++) {
			attempt(bytes.subarray(0, at));
			const mutant = Buffer.from(bytes);
			mutant[at]! ^= 0xff;
			attempt(mutant);
		}
	});
});
