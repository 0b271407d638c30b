// Spec: ITU-T H.264, sections 7.3.2.3 and D.1.7 (user data unregistered SEI message).

import { isSequenceHeader, type Tag, TagType } from './flv-scanner.js';

/** AVC video tag: frame type and codec, packet type, composition time. */
const AVC_HEADER_BYTES = 5;
const STAMP_MARK = Buffer.from('6d696c6c72616365206c6174656e6379', 'hex');
/** Hexadecimal digits of a 64-bit time: no byte of them needs emulation prevention. */
const TIME_DIGITS = 16;
const SEI_BYTES = 3 + STAMP_MARK.length + TIME_DIGITS + 1;
const MARK_AT = AVC_HEADER_BYTES + 4 + 3;
const TIME_AT = MARK_AT + STAMP_MARK.length;

/** The same H.264 frame with the time of now in it, in nanoseconds of the machine's monotonic clock; other tags unchanged. */
export function stampFrame(tag: Tag): Tag {
	if (tag.type !== TagType.video || isSequenceHeader(tag)) {
		return tag;
	}
	const sei = Buffer.alloc(4 + SEI_BYTES);
	sei.writeUInt32BE(SEI_BYTES);
	sei.set([6, 5, STAMP_MARK.length + TIME_DIGITS], 4); // nal_unit_type 6, payloadType 5, payloadSize
	sei.set(STAMP_MARK, 7);
	sei.write(process.hrtime.bigint().toString(16).padStart(TIME_DIGITS, '0'), 7 + STAMP_MARK.length, 'latin1');
	sei[sei.length - 1] = 0x80; // rbsp_trailing_bits
	const body = Buffer.concat([tag.body.subarray(0, AVC_HEADER_BYTES), sei, tag.body.subarray(AVC_HEADER_BYTES)]);
	return { ...tag, body };
}

/** Milliseconds since the frame was stamped; null when it carries no stamp. */
export function readStamp(tag: Tag): number | null {
	const end = TIME_AT + TIME_DIGITS;
	if (tag.body.length < end || !tag.body.subarray(MARK_AT, TIME_AT).equals(STAMP_MARK)) {
		return null;
	}
	const sentAt = BigInt(`0x${tag.body.toString('latin1', TIME_AT, end)}`);
	return Number(process.hrtime.bigint() - sentAt) / 1e6;
}
