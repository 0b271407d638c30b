import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { FlvReader, MAX_UNKNOWN_TAGS } from '#src/container/flv/reader.js';
import { parseTagHeader, TagType, writeTagHeader } from '#src/container/flv/tag.js';
import { buildFileHeader, buildTag } from '#src/container/flv/writer.js';
import { PeerError } from '#src/errors.js';
import { hex } from '../../support/hex.js';
import { cutAt, everySplit } from '../../support/splits.js';

const MAX_TAG_BYTES = 100_000;

type Seen = { headers: string[]; tags: { tagType: number; timestampMs: number; body: string }[] };

function read(chunks: Iterable<Uint8Array>, maxTagBytes = MAX_TAG_BYTES): Seen {
	const seen: Seen = { headers: [], tags: [] };
	const reader = new FlvReader(
		{
			header: ({ hasAudio, hasVideo }) => seen.headers.push(`${hasAudio ? 'a' : ''}${hasVideo ? 'v' : ''}`),
			tag: (tagType, timestampMs, body) =>
				seen.tags.push({ tagType, timestampMs, body: Buffer.from(body).toString('hex') }),
		},
		maxTagBytes,
	);
	for (const chunk of chunks) {
		// The reader may keep no view of what it was given: the owner is free to overwrite it.
		const borrowed = Uint8Array.from(chunk);
		reader.push(borrowed);
		borrowed.fill(0xee);
	}
	return seen;
}

function concat(...parts: Uint8Array[]): Uint8Array {
	return new Uint8Array(Buffer.concat(parts));
}

const AUDIO = { tagType: TagType.audio, timestampMs: 0, body: 'af001210' };
const VIDEO = { tagType: TagType.video, timestampMs: 40, body: '1701000000aabb' };
const audioTag = buildTag(TagType.audio, 0, hex('af001210'));
const videoTag = buildTag(TagType.video, 40, hex('1701000000aabb'));

const CASES: readonly { name: string; bytes: Uint8Array; seen: Seen }[] = [
	{ name: 'a header and nothing else', bytes: buildFileHeader(true, false), seen: { headers: ['a'], tags: [] } },
	{
		name: 'audio and video',
		bytes: concat(buildFileHeader(true, true), audioTag, videoTag),
		seen: { headers: ['av'], tags: [AUDIO, VIDEO] },
	},
	{
		name: 'a header with an extension',
		bytes: concat(hex('464c5601 01 0000000c aabbcc 00000000'), videoTag),
		seen: { headers: ['v'], tags: [VIDEO] },
	},
	{
		name: 'wrong PreviousTagSize fields',
		bytes: concat(buildFileHeader(true, true), audioTag.with(-1, 99), videoTag.with(-2, 77)),
		seen: { headers: ['av'], tags: [AUDIO, VIDEO] },
	},
	{
		name: 'a tag of an unknown type and an encrypted one',
		bytes: concat(buildFileHeader(true, true), buildTag(5, 0, hex('0102')), videoTag.with(0, 0x29), audioTag),
		seen: { headers: ['av'], tags: [AUDIO] },
	},
	{
		name: 'an empty body in the middle and at the end',
		bytes: concat(
			buildFileHeader(true, false),
			buildTag(TagType.audio, 1, hex('')),
			audioTag,
			buildTag(TagType.audio, 2, hex('')).subarray(0, 11),
		),
		seen: {
			headers: ['a'],
			tags: [
				{ tagType: TagType.audio, timestampMs: 1, body: '' },
				AUDIO,
				{ tagType: TagType.audio, timestampMs: 2, body: '' },
			],
		},
	},
	{
		name: 'a second file behind the first',
		bytes: concat(buildFileHeader(true, true), audioTag, buildFileHeader(false, true), videoTag),
		seen: { headers: ['av', 'v'], tags: [AUDIO, VIDEO] },
	},
	{
		name: 'timestamps around 24, 31 and 32 bits',
		bytes: concat(
			buildFileHeader(true, false),
			...[0xff_ffff, 0x100_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff].map((ms) => buildTag(8, ms, hex('af'))),
		),
		seen: {
			headers: ['a'],
			tags: [0xff_ffff, 0x100_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff].map((timestampMs) => ({
				tagType: 8,
				timestampMs,
				body: 'af',
			})),
		},
	},
];

describe('the FLV reader', () => {
	for (const { name, bytes, seen } of CASES) {
		it(`reads ${name}, cut anywhere`, () => {
			assert.deepEqual(read([bytes]), seen);
			for (const chunks of everySplit(bytes)) {
				assert.deepEqual(read(chunks), seen);
			}
		});
	}

	it('takes a file of FFmpeg apart so that it can be put together again byte by byte', () => {
		const file = readFileSync(fileURLToPath(new URL('../../../../src/tools/demo.flv', import.meta.url)));
		const parts: Uint8Array[] = [];
		const reader = new FlvReader(
			{
				header: ({ hasAudio, hasVideo }) => parts.push(buildFileHeader(hasAudio, hasVideo)),
				tag: (tagType, timestampMs, body) => parts.push(buildTag(tagType, timestampMs, body)),
			},
			MAX_TAG_BYTES,
		);
		for (let at = 0; at < file.length; at += 1460) {
			reader.push(file.subarray(at, at + 1460));
		}
		assert.ok(Buffer.concat(parts).equals(file));
	});

	it('gives a view of the chunk when a body lies whole within it', () => {
		const bytes = concat(buildFileHeader(true, true), videoTag);
		let buffer: ArrayBufferLike | null = null;
		const reader = new FlvReader({ tag: (_type, _timestampMs, body) => (buffer = body.buffer) }, MAX_TAG_BYTES);
		reader.push(bytes);
		assert.equal(buffer, bytes.buffer);
	});

	it('refuses what is not FLV', () => {
		for (const text of ['"GET / HTTP/1.1"', '"FLX" 01 05 00000009', '"FLV" 02 05 00000009', '"FLV" 01 05 00000003']) {
			assert.throws(() => read([hex(text)]), { code: 'FLV_SIGNATURE' });
		}
		assert.throws(() => read([hex('"FLV" 01 05 7fffffff')]), { code: 'FLV_SIGNATURE' });
	});

	it('refuses a tag larger than the limit as soon as its header is there', () => {
		const header = new Uint8Array(11);
		writeTagHeader(header, 0, TagType.video, 101, 0);
		assert.throws(() => read([buildFileHeader(true, true), header], 100), { code: 'FLV_TAG_TOO_LARGE' });
		assert.equal(read([buildFileHeader(true, true), buildTag(9, 0, new Uint8Array(100))], 100).tags.length, 1);
	});

	it('takes a long row of unknown tags for garbage', () => {
		const unknown = Array.from({ length: MAX_UNKNOWN_TAGS }, () => buildTag(3, 0, hex('00')));
		assert.equal(read([buildFileHeader(true, true), ...unknown, audioTag, ...unknown]).tags.length, 1);
		assert.throws(() => read([buildFileHeader(true, true), ...unknown, buildTag(3, 0, hex(''))]), { code: 'FLV_TAG' });
	});

	it('sees the same tags however the bytes are cut', () => {
		const tag = fc.record({
			tagType: fc.constantFrom(8, 9, 15, 18, 4),
			timestampMs: fc.integer({ min: 0, max: 0xffff_ffff }),
			body: fc.uint8Array({ maxLength: 9000, size: 'max' }),
		});
		fc.assert(
			fc.property(fc.array(tag, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (tags, places) => {
				const bytes = concat(
					buildFileHeader(true, true),
					...tags.map(({ tagType, timestampMs, body }) => buildTag(tagType, timestampMs, body)),
				);
				const known = tags.filter(({ tagType }) => tagType !== 4);
				assert.deepEqual(
					read(cutAt(bytes, places)).tags,
					known.map((each) => ({ ...each, body: Buffer.from(each.body).toString('hex') })),
				);
			}),
			{ numRuns: 500, interruptAfterTimeLimit: 1000 },
		);
	});

	it('reads noise or throws a coded error, and does not depend on how it was cut', () => {
		const noise = fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 400 }));
		fc.assert(
			fc.property(noise, fc.array(fc.nat(), { maxLength: 5 }), ([withHeader, garbage], places) => {
				const bytes = withHeader ? concat(buildFileHeader(true, true), garbage) : garbage;
				assert.deepEqual(outcome([bytes]), outcome(cutAt(bytes, places)));
			}),
			{ numRuns: 2000, interruptAfterTimeLimit: 1000 },
		);
	});
});

describe('an FLV tag header', () => {
	it('survives being written and read', () => {
		fc.assert(
			fc.property(
				fc.constantFrom(8, 9, 15, 18),
				fc.nat({ max: 0xff_ffff }),
				fc.nat({ max: 0xffff_ffff }),
				(tagType, dataSize, timestampMs) => {
					const bytes = new Uint8Array(11);
					writeTagHeader(bytes, 0, tagType, dataSize, timestampMs);
					assert.deepEqual(parseTagHeader(bytes), { tagType, encrypted: false, dataSize, timestampMs });
				},
			),
			{ numRuns: 500, interruptAfterTimeLimit: 1000 },
		);
	});

	it('carries times beyond 32 bits modulo 2^32', () => {
		const bytes = new Uint8Array(11);
		writeTagHeader(bytes, 0, 8, 0, 2 ** 40 + 123_456_789);
		assert.equal(parseTagHeader(bytes).timestampMs, 123_456_789);
	});
});

function outcome(chunks: Uint8Array[]): Seen | string {
	try {
		return read(chunks);
	} catch (error) {
		assert.ok(error instanceof PeerError, String(error));
		return error.code;
	}
}
