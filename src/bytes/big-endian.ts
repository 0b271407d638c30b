/**
 * Big-endian integers in a Uint8Array. They run in browsers too, where there is no Buffer. No range checks: the caller has
 * checked the length once for all fields of a structure.
 */

export function readUint16(bytes: Uint8Array, at: number): number {
	return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function readUint24(bytes: Uint8Array, at: number): number {
	return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

export function readInt24(bytes: Uint8Array, at: number): number {
	return (readUint24(bytes, at) << 8) >> 8;
}

export function readUint32(bytes: Uint8Array, at: number): number {
	return ((bytes[at]! << 24) | readUint24(bytes, at + 1)) >>> 0;
}

export function writeUint24(bytes: Uint8Array, at: number, value: number): void {
	bytes[at] = value >>> 16;
	bytes[at + 1] = value >>> 8;
	bytes[at + 2] = value;
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
	bytes[at] = value >>> 24;
	writeUint24(bytes, at + 1, value);
}
