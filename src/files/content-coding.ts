// Spec: RFC 9110, section 12.5.3 (Accept-Encoding).

import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Representation } from './representation.js';

export type Coding = 'br' | 'gzip';

/** Smaller texts fit in one packet anyway. */
const MIN_BYTES = 512;
/** Larger texts are no playlists and no pages of ours: compressing them would hold up others. */
const MAX_BYTES = 2 * 1024 * 1024;
/** 10 kB of playlist: 0.2 ms; a step more costs twice as much for 2 % less. */
const BROTLI_QUALITY = 5;
const GZIP_LEVEL = 6;
const PREFERENCE: readonly Coding[] = ['br', 'gzip'];

const COMPRESS: Readonly<Record<Coding, (text: Buffer) => Promise<Buffer>>> = {
	br: (text) =>
		promisify(brotliCompress)(text, {
			params: {
				[constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
				[constants.BROTLI_PARAM_SIZE_HINT]: text.length,
				[constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
			},
		}),
	gzip: (text) => promisify(gzip)(text, { level: GZIP_LEVEL }),
};

/** True when any coding of `representation` can ever be better than none. */
export function isCodable({ compressible, sizeBytes, body }: Representation): boolean {
	return compressible && Buffer.isBuffer(body) && sizeBytes >= MIN_BYTES && sizeBytes <= MAX_BYTES;
}

/** The coding to answer with; null = none. There are few different headers in the world, so each is read once. */
export function chooseCoding(acceptEncoding: string | undefined): Coding | null {
	if (acceptEncoding === undefined || acceptEncoding === '') {
		return null;
	}
	let coding = chosen.get(acceptEncoding);
	if (coding === undefined) {
		coding = readAcceptEncoding(acceptEncoding);
		chosen.set(acceptEncoding, coding);
		if (chosen.size > MAX_CHOSEN) {
			chosen.clear();
		}
	}
	return coding;
}

const chosen = new Map<string, Coding | null>();
const MAX_CHOSEN = 256;

function readAcceptEncoding(acceptEncoding: string): Coding | null {
	const accepted = new Map<string, number>();
	for (const item of acceptEncoding.toLowerCase().split(',')) {
		const [name = '', ...parameters] = item.split(';');
		const quality = parameters.find((parameter) => parameter.trim().startsWith('q='));
		accepted.set(name.trim(), quality === undefined ? 1 : Number(quality.trim().slice('q='.length)));
	}
	const qualityOf = (coding: Coding): number => accepted.get(coding) ?? accepted.get('*') ?? 0;
	const [best] = PREFERENCE.filter((coding) => qualityOf(coding) > 0).toSorted((a, b) => qualityOf(b) - qualityOf(a));
	return best ?? null;
}

/** The bytes of `representation` in `coding`, made once for all who ask; null when they are no smaller. */
export function encodedBody(representation: Representation, coding: Coding): Promise<Buffer | null> {
	const known = representation.encoded.get(coding);
	if (known !== undefined) {
		return known;
	}
	const made = compress(representation.body as Buffer, coding);
	representation.encoded.set(coding, made);
	return made;
}

async function compress(text: Buffer, coding: Coding): Promise<Buffer | null> {
	const bytes = await COMPRESS[coding](text);
	return bytes.length < text.length ? bytes : null;
}
