// Spec: Action Message Format AMF 3 (Adobe, 2013), section 3

import { PeerError } from '../errors.js';
import { AMF_LIMITS, type AmfObject, AmfTypedObject, type AmfValue, amfDate } from './amf-value.js';

const Marker = {
	undefined: 0x00,
	null: 0x01,
	false: 0x02,
	true: 0x03,
	integer: 0x04,
	double: 0x05,
	string: 0x06,
	xmlDocument: 0x07,
	date: 0x08,
	array: 0x09,
	object: 0x0a,
	xml: 0x0b,
	byteArray: 0x0c,
} as const;

/** One AMF3 value and where it ends. `stopped`: it was cut short or not understood, and `value` holds what there was. */
export type Amf3Result = { value: AmfValue; end: number; valueCount: number; stopped: boolean };

/**
 * Reads the AMF3 value at `offset` of `buffer`. Only as much of AMF3 as an RTMP command may carry: a byte array comes out
 * as null, and externalizable objects, vectors and dictionaries end the parse.
 * @throws PeerError AMF_MALFORMED when it is deeper than the limit (`depth` levels are around it) or has more than `maxValues` values.
 */
export function parseAmf3Value(buffer: Buffer, offset: number, depth: number, maxValues: number): Amf3Result {
	const parser = new Amf3Parser(buffer, offset, maxValues);
	const value = parser.value(depth);
	return { value, end: parser.at, valueCount: parser.valueCount, stopped: parser.stopped };
}

type Traits = { className: string; dynamic: boolean; keys: string[] };

class Amf3Parser {
	readonly #buffer: Buffer;
	readonly #maxValues: number;
	readonly #strings: string[] = [];
	readonly #traits: Traits[] = [];
	/** Objects so far, null while one is still open: a reference to it would be a cycle. */
	readonly #objects: (AmfValue | null)[] = [];
	at: number;
	valueCount = 0;
	stopped = false;

	constructor(buffer: Buffer, offset: number, maxValues: number) {
		this.#buffer = buffer;
		this.#maxValues = maxValues;
		this.at = offset;
	}

	value(depth: number): AmfValue {
		this.#count(1);
		if (depth > AMF_LIMITS.maxDepth) {
			throw new PeerError('AMF_MALFORMED', `deeper than ${AMF_LIMITS.maxDepth}`);
		}
		switch (this.#byte()) {
			case Marker.undefined:
				return undefined;
			case Marker.null:
				return null;
			case Marker.false:
				return false;
			case Marker.true:
				return true;
			case Marker.integer:
				return (this.#u29() << 3) >> 3; // signed 29-bit
			case Marker.double:
				return this.#double();
			case Marker.string:
				return this.#string();
			case Marker.xmlDocument:
			case Marker.xml:
				return this.#reference((length) => this.#text(length)) ?? null;
			case Marker.date:
				return this.#reference(() => amfDate(this.#double())) ?? null;
			case Marker.array:
				return this.#reference((count) => this.#array(count, depth)) ?? null;
			case Marker.object:
				return this.#reference((flags) => this.#object(flags, depth)) ?? null;
			case Marker.byteArray:
				return this.#reference((length) => this.#skip(length)) ?? null;
			default:
				this.stopped = true;
				return undefined;
		}
	}

	/** U29 whose lowest bit says "by value": reads with `read`, which gets the other bits, or repeats what was read before. */
	#reference(read: (bits: number) => AmfValue): AmfValue {
		const header = this.#u29();
		if (this.stopped) {
			return null;
		}
		if ((header & 1) === 0) {
			const value = this.#objects[header >>> 1];
			// Counted like a copy of at most one level; containers may not be repeated, so that no bomb can be built of them.
			return value instanceof Date || typeof value === 'string' ? value : null;
		}
		const index = this.#objects.push(null) - 1;
		const value = read(header >>> 1);
		this.#objects[index] = value;
		return value;
	}

	#array(denseCount: number, depth: number): AmfValue {
		const named = new Map<string, AmfValue>();
		this.#dynamicMembers(depth, (key, value) => named.set(key, value));
		const dense: AmfValue[] = [];
		for (let index = 0; index < denseCount && !this.stopped; index++) {
			dense.push(this.value(depth + 1));
		}
		if (named.size === 0) {
			return dense;
		}
		for (const [index, value] of dense.entries()) {
			named.set(String(index), value);
		}
		return named;
	}

	#object(flags: number, depth: number): AmfValue {
		const traits = this.#readTraits(flags);
		const properties = Object.create(null) as AmfObject;
		if (traits === null) {
			this.stopped = true;
			return properties;
		}
		for (const key of traits.keys) {
			if (this.stopped) {
				break;
			}
			properties[key] = this.value(depth + 1);
		}
		if (traits.dynamic) {
			this.#dynamicMembers(depth, (key, value) => {
				properties[key] = value;
			});
		}
		return traits.className === '' ? properties : new AmfTypedObject(traits.className, properties);
	}

	/** Traits by value or by reference (section 3.12); null when they are externalizable or unknown. */
	#readTraits(flags: number): Traits | null {
		if ((flags & 1) === 0) {
			return this.#traits[flags >>> 1] ?? null;
		}
		if ((flags & 2) !== 0) {
			return null; // externalizable: its bytes mean something to its class only
		}
		const keyCount = flags >>> 3;
		this.#count(keyCount);
		const traits: Traits = { className: this.#string(), dynamic: (flags & 4) !== 0, keys: [] };
		for (let index = 0; index < keyCount && !this.stopped; index++) {
			traits.keys.push(this.#string());
		}
		this.#traits.push(traits);
		return traits;
	}

	#dynamicMembers(depth: number, add: (key: string, value: AmfValue) => void): void {
		while (!this.stopped) {
			const key = this.#string();
			if (key === '') {
				return;
			}
			add(key, this.value(depth + 1));
		}
	}

	#string(): string {
		const header = this.#u29();
		if ((header & 1) === 0) {
			return this.#strings[header >>> 1] ?? '';
		}
		const text = this.#text(header >>> 1);
		if (text !== '') {
			this.#strings.push(text);
		}
		return text;
	}

	#text(length: number): string {
		if (!this.#has(length)) {
			return '';
		}
		this.at += length;
		return this.#buffer.toString('utf8', this.at - length, this.at);
	}

	#skip(length: number): null {
		if (this.#has(length)) {
			this.at += length;
		}
		return null;
	}

	#double(): number {
		if (!this.#has(8)) {
			return 0;
		}
		this.at += 8;
		return this.#buffer.readDoubleBE(this.at - 8);
	}

	/** Variable-length unsigned 29-bit integer (section 1.3.1). */
	#u29(): number {
		let value = 0;
		for (let index = 0; index < 3; index++) {
			const byte = this.#byte();
			if (byte < 0x80) {
				return (value << 7) | byte;
			}
			value = (value << 7) | (byte & 0x7f);
		}
		return (value << 8) | this.#byte();
	}

	#byte(): number {
		return this.#has(1) ? this.#buffer[this.at++]! : 0;
	}

	#has(length: number): boolean {
		if (this.at + length > this.#buffer.length) {
			this.stopped = true;
		}
		return !this.stopped;
	}

	#count(values: number): void {
		this.valueCount += values;
		if (this.valueCount > this.#maxValues) {
			throw new PeerError('AMF_MALFORMED', `over ${AMF_LIMITS.maxValues} values`);
		}
	}
}
