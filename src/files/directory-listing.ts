import type { Representation } from './representation.js';

const ESCAPES: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;',
};

/** A page with a link to each of `names`; those of directories end with a slash. */
export function directoryListing(local: string, names: readonly string[]): Representation {
	const title = escaped(local);
	const parent = local === '/' ? [] : ['../'];
	const links = [...parent, ...names].map((name) => {
		const slash = name.endsWith('/') ? '/' : '';
		const href = name === '../' ? name : `./${encodeURIComponent(name.slice(0, name.length - slash.length))}${slash}`;
		return `<li><a href="${escaped(href)}">${escaped(name)}</a>`;
	});
	const body = Buffer.from(
		`<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><ul>${links.join('\n')}</ul>\n`,
	);
	return {
		contentType: 'text/html; charset=utf-8',
		cacheControl: 'no-store',
		compressible: true,
		sizeBytes: body.length,
		etag: `"${body.length.toString(16)}-${names.length}-${checksum(body).toString(16)}"`,
		lastModifiedMs: null,
		body,
		extra: [],
		encoded: new Map(),
	};
}

function escaped(text: string): string {
	return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

/** FNV-1a: two listings of equal length differ in it. */
function checksum(bytes: Buffer): number {
	let hash = 0x811c9dc5;
	for (const byte of bytes) {
		hash = Math.imul(hash ^ byte, 0x01000193);
	}
	return hash >>> 0;
}
