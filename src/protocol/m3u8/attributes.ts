// Spec: rfc8216bis-22 4.2 (attribute lists)
import { PeerError } from '../../errors.js';

/** NAME=value pairs of a tag. Quoted strings come without their quotes. */
export type Attributes = ReadonlyMap<string, string>;

const MAX_LINE = 64 * 1024;
const ATTRIBUTE = /([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s][^,]*)(?:,|$)/gy;

export function badPlaylist(detail: string): never {
	throw new PeerError('HLS_PLAYLIST', detail);
}

/** Throws PeerError HLS_PLAYLIST for anything but a well-formed list without repeated names. */
export function parseAttributes(text: string): Attributes {
	const attributes = new Map<string, string>();
	if (text.length > MAX_LINE) {
		badPlaylist('an attribute list that is too long');
	}
	let at = 0;
	ATTRIBUTE.lastIndex = 0;
	while (at < text.length) {
		const match = ATTRIBUTE.exec(text);
		const [whole, name, value] = match ?? [];
		if (whole === undefined || name === undefined || value === undefined) {
			badPlaylist(`attribute list ${JSON.stringify(text.slice(at, at + 40))}`);
		}
		if (attributes.has(name)) {
			badPlaylist(`attribute ${name} twice`);
		}
		attributes.set(name, value.startsWith('"') ? value.slice(1, -1) : value);
		at = ATTRIBUTE.lastIndex;
	}
	return attributes;
}

export function required(attributes: Attributes, name: string): string {
	return attributes.get(name) ?? badPlaylist(`no attribute ${name}`);
}

/** A decimal-floating-point of the specification: no sign, no exponent. */
export function decimal(text: string): number {
	return /^\d+(\.\d+)?$/.test(text) ? Number(text) : badPlaylist(`number ${JSON.stringify(text)}`);
}

/** A decimal-integer of the specification. */
export function integer(text: string): number {
	const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
	return Number.isSafeInteger(value) ? value : badPlaylist(`integer ${JSON.stringify(text)}`);
}
