// Spec: Action Message Format AMF 0 (Adobe, 2007), section 2

import { PeerError, peerErrorOf } from '../errors.js';
import { AMF_LIMITS, type AmfObject, AmfTypedObject, type AmfValue, amfDate } from './amf-value.js';
import { parseAmf3Value } from './amf3.js';

const Marker = {
	number: 0x00,
	boolean: 0x01,
	string: 0x02,
	object: 0x03,
	null: 0x05,
	undefined: 0x06,
	reference: 0x07,
	ecmaArray: 0x08,
	objectEnd: 0x09,
	strictArray: 0x0a,
	date: 0x0b,
	longString: 0x0c,
	unsupported: 0x0d,
	xmlDocument: 0x0f,
	typedObject: 0x10,
	avmplus: 0x11,
} as const;

/**
 * Returns every value of `bytes`, one after the other. Strings are copied; nothing refers to `bytes` afterwards.
 *
 * Encoders are sloppy, and a session is worth more than a tidy tail. When a value is cut short or has an unknown
 * marker, the values before it are the result. So is an object whose end marker is missing.
 * @throws PeerError AMF_MALFORMED when nothing at all could be read, or a limit of AMF_LIMITS is passed.
 */
export function parseAmf0(bytes: Uint8Array): AmfValue[] {
	return new Amf0Parser(bytes).values();
}

/** The same of script data, which ends nothing when it is no AMF0: then it has no values. */
export function parseScriptValues(bytes: Uint8Array): AmfValue[] {
	try {
		return parseAmf0(bytes);
	} catch (error) {
		peerErrorOf(error);
		return [];
	}
}

/** `values` as AMF0, one after the other. Strings longer than 65,535 bytes become long strings. */
export function serializeAmf0(...values: AmfValue[]): Buffer {
	const writer = new Amf0Writer();
	for (const value of values) {
		writer.value(value, 0);
	}
	return writer.bytes();
}

/** An object that a reference may point to, and what repeating it costs. */
type Referable = { value: AmfValue; complete: boolean; values: number; height: number };

class Amf0Parser {
	readonly #buffer: Buffer;
	readonly #referables: Referable[] = [];
	#at = 0;
	#valueCount = 0;
	#deepest = 0;
	/** The data ended within a value, or cannot be understood any further. */
	#stopped = false;

	constructor(bytes: Uint8Array) {
		if (bytes.length > AMF_LIMITS.maxBytes) {
			throw new PeerError('AMF_MALFORMED', `${bytes.length} bytes, at most ${AMF_LIMITS.maxBytes}`);
		}
		this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	}

	values(): AmfValue[] {
		const values: AmfValue[] = [];
		while (this.#at < this.#buffer.length && !this.#stopped) {
			const value = this.#value(0);
			if (!this.#stopped || (typeof value === 'object' && value !== null)) {
				values.push(value);
			}
		}
		if (values.length === 0 && this.#buffer.length > 0) {
			throw new PeerError('AMF_MALFORMED', 'no complete value');
		}
		return values;
	}

	/** The next value. When `#stopped` is set on return, a leaf is worthless, and a container holds what it got. */
	#value(depth: number): AmfValue {
		this.#count(1, depth);
		if (!this.#has(1)) {
			return undefined;
		}
		const marker = this.#buffer[this.#at++];
		switch (marker) {
			case Marker.number:
				return this.#number();
			case Marker.boolean:
				return this.#has(1) ? this.#buffer[this.#at++] !== 0 : undefined;
			case Marker.string:
				return this.#string(this.#uint(2));
			case Marker.object:
				return this.#container(Object.create(null) as AmfObject, depth, (value) => this.#properties(value, depth));
			case Marker.null:
				return null;
			case Marker.undefined:
			case Marker.unsupported:
				return undefined;
			case Marker.reference:
				return this.#reference(depth);
			case Marker.ecmaArray:
				// The count is a hint that encoders get wrong (ffmpeg writes 0 when it does not know): the end marker rules.
				this.#uint(4);
				return this.#container(new Map<string, AmfValue>(), depth, (value) => this.#properties(value, depth));
			case Marker.strictArray:
				return this.#container([] as AmfValue[], depth, (value) => this.#items(value, depth));
			case Marker.date:
				return this.#date();
			case Marker.longString:
			case Marker.xmlDocument:
				return this.#string(this.#uint(4));
			case Marker.typedObject: {
				const className = this.#string(this.#uint(2));
				const object = new AmfTypedObject(className, Object.create(null) as AmfObject);
				return this.#container(object, depth, (value) => this.#properties(value.properties, depth));
			}
			case Marker.avmplus:
				return this.#amf3(depth);
			default:
				this.#stopped = true;
				return undefined;
		}
	}

	#container<T extends AmfValue>(value: T, depth: number, fill: (value: T) => void): T {
		const referable: Referable = { value, complete: false, values: this.#valueCount, height: 0 };
		this.#referables.push(referable);
		const deepestBefore = this.#deepest;
		this.#deepest = depth;
		fill(value);
		referable.complete = true;
		referable.values = this.#valueCount - referable.values + 1;
		referable.height = this.#deepest - depth;
		this.#deepest = Math.max(this.#deepest, deepestBefore);
		return value;
	}

	#properties(target: AmfObject | Map<string, AmfValue>, depth: number): void {
		while (this.#at < this.#buffer.length) {
			const key = this.#string(this.#uint(2));
			if (this.#stopped) {
				return;
			}
			if (key === '' && this.#buffer[this.#at] === Marker.objectEnd) {
				this.#at++;
				return;
			}
			const value = this.#value(depth + 1);
			if (this.#stopped && (typeof value !== 'object' || value === null)) {
				return;
			}
			if (target instanceof Map) {
				target.set(key, value);
			} else {
				target[key] = value;
			}
			if (this.#stopped) {
				return;
			}
		}
		this.#stopped = true;
	}

	#items(target: AmfValue[], depth: number): void {
		const count = this.#uint(4);
		for (let index = 0; index < count && !this.#stopped; index++) {
			const value = this.#value(depth + 1);
			if (!this.#stopped || (typeof value === 'object' && value !== null)) {
				target.push(value);
			}
		}
	}

	/** A reference repeats a value of this message. One to an object that is still open would be a cycle, and is nothing. */
	#reference(depth: number): AmfValue {
		const referable = this.#referables[this.#uint(2)];
		if (referable === undefined || !referable.complete) {
			return undefined;
		}
		this.#count(referable.values, depth + referable.height);
		return referable.value;
	}

	#amf3(depth: number): AmfValue {
		const parsed = parseAmf3Value(this.#buffer, this.#at, depth, AMF_LIMITS.maxValues - this.#valueCount);
		this.#at = parsed.end;
		this.#count(parsed.valueCount, depth);
		this.#stopped ||= parsed.stopped;
		return parsed.value;
	}

	#number(): number {
		if (!this.#has(8)) {
			return 0;
		}
		this.#at += 8;
		return this.#buffer.readDoubleBE(this.#at - 8);
	}

	#date(): Date | undefined {
		const date = amfDate(this.#number());
		this.#uint(2); // time-zone, reserved
		return this.#stopped ? undefined : date;
	}

	#string(length: number): string {
		if (!this.#has(length)) {
			return '';
		}
		this.#at += length;
		return this.#buffer.toString('utf8', this.#at - length, this.#at);
	}

	#uint(length: 2 | 4): number {
		if (!this.#has(length)) {
			return 0;
		}
		this.#at += length;
		return this.#buffer.readUIntBE(this.#at - length, length);
	}

	#has(length: number): boolean {
		if (this.#at + length > this.#buffer.length) {
			this.#stopped = true;
		}
		return !this.#stopped;
	}

	#count(values: number, depth: number): void {
		this.#valueCount += values;
		this.#deepest = Math.max(this.#deepest, depth);
		if (depth > AMF_LIMITS.maxDepth || this.#valueCount > AMF_LIMITS.maxValues) {
			throw new PeerError('AMF_MALFORMED', `deeper than ${AMF_LIMITS.maxDepth} or over ${AMF_LIMITS.maxValues} values`);
		}
	}
}

const MAX_SHORT_STRING_BYTES = 0xffff;

class Amf0Writer {
	#buffer = Buffer.allocUnsafe(256);
	#length = 0;

	bytes(): Buffer {
		return this.#buffer.subarray(0, this.#length);
	}

	value(value: AmfValue, depth: number): void {
		if (depth > AMF_LIMITS.maxDepth) {
			throw new PeerError('AMF_MALFORMED', `deeper than ${AMF_LIMITS.maxDepth}`);
		}
		if (typeof value === 'number') {
			this.#marker(Marker.number);
			this.#double(value);
		} else if (typeof value === 'boolean') {
			this.#marker(Marker.boolean);
			this.#uint(value ? 1 : 0, 1);
		} else if (typeof value === 'string') {
			this.#string(value);
		} else if (value === undefined || value === null) {
			this.#marker(value === null ? Marker.null : Marker.undefined);
		} else if (value instanceof Date) {
			this.#marker(Marker.date);
			this.#double(value.getTime());
			this.#uint(0, 2); // time-zone, reserved
		} else if (Array.isArray(value)) {
			this.#marker(Marker.strictArray);
			this.#uint(value.length, 4);
			for (const item of value) {
				this.value(item, depth + 1);
			}
		} else if (value instanceof Map) {
			this.#marker(Marker.ecmaArray);
			this.#uint(value.size, 4);
			this.#properties(value, depth);
		} else if (value instanceof AmfTypedObject) {
			this.#marker(Marker.typedObject);
			this.#key(value.className);
			this.#properties(Object.entries(value.properties), depth);
		} else {
			this.#marker(Marker.object);
			this.#properties(Object.entries(value), depth);
		}
	}

	#properties(entries: Iterable<[string, AmfValue]>, depth: number): void {
		for (const [key, value] of entries) {
			this.#key(key);
			this.value(value, depth + 1);
		}
		this.#key('');
		this.#marker(Marker.objectEnd);
	}

	/** A name longer than its length field can say is cut after its last whole character. */
	#key(key: string): void {
		const limit = Math.min(Buffer.byteLength(key), MAX_SHORT_STRING_BYTES);
		this.#reserve(2 + limit);
		const written = this.#buffer.write(key, this.#length + 2, limit, 'utf8');
		this.#buffer.writeUInt16BE(written, this.#length);
		this.#length += 2 + written;
	}

	#string(value: string): void {
		const length = Buffer.byteLength(value);
		const long = length > MAX_SHORT_STRING_BYTES;
		this.#marker(long ? Marker.longString : Marker.string);
		this.#uint(length, long ? 4 : 2);
		this.#reserve(length);
		this.#length += this.#buffer.write(value, this.#length, length, 'utf8');
	}

	#double(value: number): void {
		this.#reserve(8);
		this.#length = this.#buffer.writeDoubleBE(value, this.#length);
	}

	#marker(marker: number): void {
		this.#uint(marker, 1);
	}

	#uint(value: number, length: 1 | 2 | 4): void {
		this.#reserve(length);
		this.#length = this.#buffer.writeUIntBE(value, this.#length, length);
	}

	#reserve(length: number): void {
		if (this.#length + length > this.#buffer.length) {
			const bigger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + length));
			this.#buffer.copy(bigger, 0, 0, this.#length);
			this.#buffer = bigger;
		}
	}
}
