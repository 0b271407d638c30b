// Spec: ITU-T H.264, sections 7.3.2.3 and D.1.7 (user data unregistered SEI message).

import { isSequenceHeader, type Tag, TagType } from '#src/tools/load/flv-scanner.js';

/** AVC video tag: frame type and codec, packet type, composition time. */
const AVC_HEADER_BYTES = 5;
const STAMP_MARK = Buffer.from('6d696c6c72616365206c6174656e6379', 'hex');
/** Decimal digits of a time in microseconds: no byte of them needs emulation prevention. */
const TIME_DIGITS = 16;
const SEI_BYTES = 3 + STAMP_MARK.length + TIME_DIGITS + 1;
const MARK_AT = AVC_HEADER_BYTES + 4 + 3;
const TIME_AT = MARK_AT + STAMP_MARK.length;

const CLOCK_READINGS = 50;
/** The offset from performance.now() of this process to the machine's one monotonic clock. */
const CLOCK_OFFSET_MS = clockOffsetMs();

/** Milliseconds of the clock that all processes of the machine share, for a performance.now() of this one. */
export function sharedMs(nowMs: number): number {
	return nowMs + CLOCK_OFFSET_MS;
}

/** Both clocks are read one after the other, many times; the pair that was disturbed least counts. */
function clockOffsetMs(): number {
	let best = { offsetMs: 0, spanMs: Number.POSITIVE_INFINITY };
	for (let reading = 0; reading < CLOCK_READINGS; reading++) {
		const beforeMs = performance.now();
		const sharedNowMs = Number(process.hrtime.bigint()) / 1e6;
		const spanMs = performance.now() - beforeMs;
		if (spanMs < best.spanMs) {
			best = { offsetMs: sharedNowMs - beforeMs - spanMs / 2, spanMs };
		}
	}
	return best.offsetMs;
}

/** The same H.264 frame with room for a time in it (an SEI message); other tags unchanged. */
export function withStamp(tag: Tag): Tag {
	if (tag.type !== TagType.video || isSequenceHeader(tag)) {
		return tag;
	}
	const sei = Buffer.alloc(4 + SEI_BYTES, '0');
	sei.writeUInt32BE(SEI_BYTES);
	sei.set([6, 5, STAMP_MARK.length + TIME_DIGITS], 4); // nal_unit_type 6, payloadType 5, payloadSize
	sei.set(STAMP_MARK, 7);
	sei[sei.length - 1] = 0x80; // rbsp_trailing_bits
	const body = Buffer.concat([tag.body.subarray(0, AVC_HEADER_BYTES), sei, tag.body.subarray(AVC_HEADER_BYTES)]);
	return { ...tag, body };
}

/** Writes the time of now into a frame that is ready to be sent, wherever its framing has put the stamp. */
export function stamp(encoded: Buffer): void {
	const at = encoded.indexOf(STAMP_MARK);
	if (at >= 0) {
		const now = String(Math.round(sharedMs(performance.now()) * 1000)).padStart(TIME_DIGITS, '0');
		encoded.write(now, at + STAMP_MARK.length, 'latin1');
	}
}

/** When the frame was stamped, in ms of the shared clock; null when it carries no stamp. */
export function readStamp(tag: Tag): number | null {
	const end = TIME_AT + TIME_DIGITS;
	if (tag.body.length < end || !tag.body.subarray(MARK_AT, TIME_AT).equals(STAMP_MARK)) {
		return null;
	}
	return Number(tag.body.toString('latin1', TIME_AT, end)) / 1000;
}
