// Spec: Adobe Action Message Format AMF0, section 2. Only what a player and a publisher need.

export type AmfValue = number | string | boolean | null | AmfValue[] | { [key: string]: AmfValue };

const Marker = {
	number: 0,
	boolean: 1,
	string: 2,
	object: 3,
	null: 5,
	undefined: 6,
	ecmaArray: 8,
	objectEnd: 9,
	strictArray: 10,
	date: 11,
};

export function encodeAmf(values: readonly AmfValue[]): Buffer {
	return Buffer.concat(values.map(encodeValue));
}

function encodeValue(value: AmfValue): Buffer {
	if (typeof value === 'number') {
		const bytes = Buffer.alloc(9);
		bytes.writeDoubleBE(value, 1);
		return bytes;
	}
	if (typeof value === 'boolean') {
		return Buffer.from([Marker.boolean, value ? 1 : 0]);
	}
	if (typeof value === 'string') {
		return Buffer.concat([Buffer.from([Marker.string]), encodeKey(value)]);
	}
	if (value === null) {
		return Buffer.from([Marker.null]);
	}
	if (Array.isArray(value)) {
		const header = Buffer.from([Marker.strictArray, 0, 0, 0, 0]);
		header.writeUInt32BE(value.length, 1);
		return Buffer.concat([header, ...value.map(encodeValue)]);
	}
	const members = Object.entries(value).flatMap(([key, member]) => [encodeKey(key), encodeValue(member)]);
	return Buffer.concat([Buffer.from([Marker.object]), ...members, Buffer.from([0, 0, Marker.objectEnd])]);
}

function encodeKey(key: string): Buffer {
	const length = Buffer.alloc(2);
	length.writeUInt16BE(Buffer.byteLength(key));
	return Buffer.concat([length, Buffer.from(key)]);
}

/** The first `count` values. The bytes behind them need not be AMF. */
export function decodeAmf(bytes: Buffer, count = Number.POSITIVE_INFINITY): AmfValue[] {
	const cursor = { at: 0 };
	const values: AmfValue[] = [];
	while (cursor.at < bytes.length && values.length < count) {
		values.push(decodeValue(bytes, cursor));
	}
	return values;
}

function decodeValue(bytes: Buffer, cursor: { at: number }): AmfValue {
	const marker = bytes[cursor.at++];
	switch (marker) {
		case Marker.number:
			cursor.at += 8;
			return bytes.readDoubleBE(cursor.at - 8);
		case Marker.date:
			cursor.at += 10; // milliseconds since 1970, time zone
			return bytes.readDoubleBE(cursor.at - 10);
		case Marker.boolean:
			return bytes[cursor.at++] !== 0;
		case Marker.string:
			return decodeKey(bytes, cursor);
		case Marker.null:
		case Marker.undefined:
			return null;
		case Marker.ecmaArray:
			cursor.at += 4;
			return decodeMembers(bytes, cursor);
		case Marker.object:
			return decodeMembers(bytes, cursor);
		case Marker.strictArray:
			cursor.at += 4;
			return Array.from({ length: bytes.readUInt32BE(cursor.at - 4) }, () => decodeValue(bytes, cursor));
		default:
			throw new Error(`AMF0 marker ${marker}`);
	}
}

function decodeKey(bytes: Buffer, cursor: { at: number }): string {
	const start = cursor.at + 2;
	cursor.at = start + bytes.readUInt16BE(cursor.at);
	return bytes.toString('utf8', start, cursor.at);
}

function decodeMembers(bytes: Buffer, cursor: { at: number }): { [key: string]: AmfValue } {
	const members: { [key: string]: AmfValue } = {};
	for (;;) {
		const key = decodeKey(bytes, cursor);
		if (key === '' && bytes[cursor.at] === Marker.objectEnd) {
			cursor.at++;
			return members;
		}
		members[key] = decodeValue(bytes, cursor);
	}
}

/** Members of an object or ECMA array; none for any other value. */
export function membersOf(value: AmfValue | undefined): { [key: string]: AmfValue } {
	return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
