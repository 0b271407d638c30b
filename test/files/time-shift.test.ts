import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';
import { PeerError } from '#src/errors.js';
import type { FileSource, Wanted } from '#src/files/file-source.js';
import { fileRepresentation, type Representation } from '#src/files/representation.js';
import { TimeShift } from '#src/files/time-shift.js';
import { type MediaPlaylist, PLAIN_PLAYLIST, serializeMediaPlaylist } from '#src/protocol/m3u8/media-playlist.js';
import { PlaylistChecker } from '#src/protocol/m3u8/playlist-rules.js';

const STARTED_AT_MS = Date.UTC(2026, 0, 1);
const SEGMENT_SECONDS = 4;

/** Segments `from` up to `to` of a stream that began at STARTED_AT_MS; every tenth is a new source with an init segment of its own. */
function playlist(from: number, to: number, more: Partial<MediaPlaylist> = {}): string {
	const segments = Array.from({ length: to - from }, (_, index) => {
		const number = from + index;
		const key = { uri: `key_${Math.floor(number / 5)}.key`, iv: null };
		const discontinuity = number % 10 === 0 && number > 0;
		const programDateTimeMs = STARTED_AT_MS + number * SEGMENT_SECONDS * 1000;
		const map = `init_${Math.floor(number / 10)}.mp4`;
		const uri = `segment_${number}.m4s`;
		return { uri, duration: SEGMENT_SECONDS, discontinuity, map, key, programDateTimeMs, parts: [] };
	});
	const discontinuitySequence = Math.max(0, Math.ceil(from / 10) - 1);
	const sequences = { mediaSequence: from, discontinuitySequence, targetDuration: SEGMENT_SECONDS };
	return serializeMediaPlaylist({ ...PLAIN_PLAYLIST, ...sequences, segments, ...more });
}

/** The answers of a TimeShift in front of these files. */
class Site {
	readonly files: Record<string, string>;
	readonly #source: TimeShift;
	reads = 0;

	constructor(files: Record<string, string>) {
		this.files = files;
		const inner: FileSource = {
			hot: () => null,
			find: ({ local }) => {
				this.reads++;
				const text = this.files[local];
				return Promise.resolve(text === undefined ? null : representationOf(local, Buffer.from(text)));
			},
		};
		this.#source = new TimeShift(inner);
	}

	async ask(url: string): Promise<Representation | null> {
		const [local = '', query] = url.split('?');
		const wanted = { local, query: query === undefined ? '' : `?${query}` } as Wanted;
		const supply = this.#source.hot(wanted) ?? (await this.#source.find(wanted));
		assert(typeof supply !== 'function');
		return supply;
	}

	async text(url: string): Promise<string> {
		const found = await this.ask(url);
		assert(found !== null, url);
		assert.equal(found.sizeBytes, (found.body as Buffer).length);
		return (found.body as Buffer).toString();
	}

	/** The address that a multivariant playlist of one variant comes to. */
	async follow(url: string): Promise<string> {
		const text = await this.text(url);
		const uris = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
		assert.match(text, /#EXT-X-STREAM-INF:BANDWIDTH=\d+\n/);
		assert.equal(uris.length, 1, text);
		return path.posix.join(path.posix.dirname(url.split('?')[0]!), uris[0]!);
	}
}

function representationOf(name: string, body: Buffer): Representation {
	return fileRepresentation({ name, sizeBytes: body.length, mtimeMs: 1000, ownName: true }, body);
}

function at(seconds: number): string {
	return new Date(STARTED_AT_MS + seconds * 1000).toISOString();
}

function refused(pattern: RegExp) {
	return (error: unknown): boolean => {
		assert(error instanceof PeerError && error.code === 'HTTP_REQUEST', String(error));
		assert.match(error.message, pattern);
		return true;
	};
}

const EVENT = '/mp4/live/cam/output_merge/index.m3u8';

describe('a playlist that is asked for from somewhere', () => {
	test('begins with the segment of that time, and says what was in force there', async () => {
		const site = new Site({ [EVENT]: playlist(0, 40, { type: 'EVENT' }) });
		const text = await site.text(`${EVENT}?start=${at(62.5)}`);
		const { segments, mediaSequence, discontinuitySequence, type } = new PlaylistChecker().see(text);
		assert.equal(mediaSequence, 15);
		assert.equal(discontinuitySequence, 1);
		assert.equal(type, 'EVENT');
		assert.deepEqual(
			[segments[0]!.uri, segments[0]!.map, segments[0]!.key?.uri, segments[0]!.programDateTimeMs],
			['segment_15.m4s', 'init_1.mp4', 'key_3.key', STARTED_AT_MS + 60_000],
		);
		assert.equal(segments.length, 25);
		assert.match(text, /^#EXTM3U\n#EXT-X-START:TIME-OFFSET=2.500,PRECISE=YES\n/);
	});

	test('is named by the time when it is asked for in seconds, so that its beginning stays where it was', async () => {
		const site = new Site({ [EVENT]: playlist(0, 40, { type: 'EVENT' }) });
		const url = await site.follow(`${EVENT}?start=-60&token=a%26b`);
		assert.equal(url, `${EVENT}?token=a%26b&start=${encodeURIComponent(at(100))}`);
		const checker = new PlaylistChecker();
		for (let count = 40; count < 60; count++) {
			site.files[EVENT] = playlist(0, count, { type: 'EVENT', ended: count === 59 });
			const { mediaSequence } = checker.see(await site.text(url));
			assert.equal(mediaSequence, 25);
		}
		assert.deepEqual(checker.violations, []);
		assert.equal(await site.follow(`${EVENT}?start=30`), `${EVENT}?start=${encodeURIComponent(at(30))}`);
	});

	test('loses its beginning only when the window has passed it', async () => {
		const site = new Site({ [EVENT]: playlist(0, 20) });
		const url = await site.follow(`${EVENT}?start=-60`);
		const checker = new PlaylistChecker();
		const begins: number[] = [];
		for (let first = 0; first < 40; first++) {
			site.files[EVENT] = playlist(first, first + 20);
			begins.push(checker.see(await site.text(url)).mediaSequence);
		}
		assert.deepEqual(checker.violations, []);
		assert.deepEqual(begins.slice(0, 8), [5, 5, 5, 5, 5, 5, 6, 7]);
		assert.match(await site.text(url), /TIME-OFFSET=0.000/);
	});

	test('has an end, and is complete as soon as the stream has got there', async () => {
		const site = new Site({ [EVENT]: playlist(0, 10, { type: 'EVENT' }) });
		for (const range of [`start=${at(30)}&end=${at(50)}`, `start=${at(30)}&duration=20`]) {
			const checker = new PlaylistChecker();
			const seen: [number, boolean][] = [];
			for (let count = 10; count < 15; count++) {
				site.files[EVENT] = playlist(0, count, { type: 'EVENT' });
				const { segments, ended } = checker.see(await site.text(`${EVENT}?${range}`));
				seen.push([segments.length, ended]);
			}
			assert.deepEqual(checker.violations, []);
			assert.deepEqual(seen, [
				[3, false],
				[4, false],
				[5, false],
				[6, true],
				[6, true],
			]);
		}
		const url = await site.follow(`${EVENT}?start=-40&duration=10`);
		assert.equal(url, `${EVENT}?start=${encodeURIComponent(at(16))}&end=${encodeURIComponent(at(26))}`);
		assert.equal(await site.follow(`${EVENT}?end=-16`), `${EVENT}?end=${encodeURIComponent(at(40))}`);
	});

	test('is all that there is when that is not so much', async () => {
		const site = new Site({ [EVENT]: playlist(3, 9) });
		const { mediaSequence } = new PlaylistChecker().see(await site.text(await site.follow(`${EVENT}?start=-99999`)));
		assert.equal(mediaSequence, 3);
		assert.equal(new PlaylistChecker().see(await site.text(`${EVENT}?start=2020-01-01T00:00:00Z`)).mediaSequence, 3);
	});

	test('is found where no time is told, as recovered takes may be', async () => {
		const bare = playlist(0, 10, { type: 'EVENT' }).replaceAll(/#EXT-X-PROGRAM-DATE-TIME.*\n/g, '');
		const site = new Site({ [EVENT]: bare });
		const url = await site.follow(`${EVENT}?start=-10`);
		assert.equal(new PlaylistChecker().see(await site.text(url)).mediaSequence, 7);
	});

	test('is refused where there is nothing, and for what names no time', async () => {
		const site = new Site({ [EVENT]: playlist(0, 10), '/empty.m3u8': playlist(0, 0) });
		for (const [query, pattern] of [
			['start=abc', /: start is seconds/],
			['start=', /: start is seconds/],
			['start=1e9', /: start is seconds/],
			['start=99999999999999', /: start is seconds/],
			['start=-1%0A%23EXT-X-ENDLIST', /: start is seconds/],
			['start=2026-13-40T00:00:00Z', /: start is seconds/],
			['end=soon', /: end is seconds/],
			['start=40', /there is nothing but 2026-01-01T00:00:00.000Z to 2026-01-01T00:00:40.000Z/],
			['start=-0', /there is nothing but/],
			[`start=${at(40)}`, /there is nothing but/],
			['start=2999-01-01T00:00:00Z', /there is nothing but/],
			[`end=${at(0)}`, /there is nothing but/],
			['start=20&end=10', /not behind/],
			[`start=${at(20)}&end=${at(20)}`, /not behind/],
			['start=0&duration=-3', /duration is seconds/],
			['start=0&duration=0', /duration is seconds/],
			['start=0&end=5&duration=5', /duration is seconds/],
		] as const) {
			await assert.rejects(site.ask(`${EVENT}?${query}`), refused(pattern), query);
		}
		await assert.rejects(site.ask('/empty.m3u8?start=-5'), refused(/nothing is listed yet/));
		assert.equal(await site.ask('/missing.m3u8?start=-5'), null);
	});

	test('is another version for each start, and the same for the same', async () => {
		const site = new Site({ [EVENT]: playlist(0, 30) });
		const queries = ['', '?start=-60', '?start=-20', `?start=${at(30)}`, `?start=${at(31)}`, `?end=${at(31)}`];
		const tags = await Promise.all(queries.map(async (query) => (await site.ask(EVENT + query))?.etag));
		assert.equal(new Set(tags).size, queries.length);
		assert.equal((await site.ask(`${EVENT}?start=${at(30)}`))?.etag, tags[3]);
	});

	test('is what several renditions or variants begin with alike', async () => {
		const home = '/mp4/live/cam/output_separate';
		const master = '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="d",URI="audio.m3u8"\n'.concat(
			'#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nvideo.m3u8\n',
		);
		const variants =
			'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ncam_low/index.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\ncam/index.m3u8?t=1\n';
		const site = new Site({
			[`${home}/index.m3u8`]: master,
			[`${home}/video.m3u8`]: playlist(0, 30),
			'/hls/live/cam.m3u8': variants,
			'/hls/live/cam_low/index.m3u8': playlist(0, 30),
			'/hls/live/out.m3u8': variants.replace('cam_low', '..'),
		});
		const query = `start=${encodeURIComponent(at(100))}`;
		assert.equal(
			await site.text(`${home}/index.m3u8?start=-20`),
			master.replace('audio.m3u8', `audio.m3u8?${query}`).replace('video.m3u8', `video.m3u8?${query}`),
		);
		assert.equal(
			await site.text('/hls/live/cam.m3u8?start=-20'),
			variants.replace('low/index.m3u8', `low/index.m3u8?${query}`).replace('?t=1', `?t=1&${query}`),
		);
		assert.match(await site.text(`/hls/live/cam.m3u8?start=${at(5)}`), /cam_low\/index.m3u8\?start=2026/);
		await assert.rejects(site.ask('/hls/live/out.m3u8?start=-20'), refused(/cannot be cut/));
	});
});

test('anything else comes as it is', async () => {
	const text = playlist(0, 10);
	const site = new Site({ [EVENT]: text, '/segment_1.ts': 'media' });
	assert.equal(await site.text(EVENT), text);
	assert.equal(await site.text(`${EVENT}?token=1`), text);
	assert.equal(await site.text('/segment_1.ts?start=-600'), 'media');
});
