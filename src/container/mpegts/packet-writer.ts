// Spec: ISO/IEC 13818-1 2.4.3.2 (transport_packet), 2.4.3.4 (adaptation_field), 2.4.3.6 (PES_packet)
import type { BufferPool } from '../../bytes/buffer-pool.js';
import { wrapTimestamp, writeClockReference, writeTimestamp } from './timestamp.js';

export const TS_PACKET_BYTES = 188;
export const SYNC_BYTE = 0x47;
const HEADER_BYTES = 4;
const MAX_PAYLOAD_BYTES = TS_PACKET_BYTES - HEADER_BYTES;
const CLOCK_BYTES = 6;
const PES_FIXED_BYTES = 9;
const TIMESTAMP_BYTES = 5;
const MAX_PES_LENGTH = 0xffff;
const PIDS = 0x2000;
const INITIAL_BYTES = 64 * 1024;
const EMPTY = Buffer.alloc(0);
/** More at a time would leave the nearest cache. */
const MAX_GATHERED_BYTES = 64 * MAX_PAYLOAD_BYTES;
/** Up to here a loop is faster than a copy. */
const SHORT_BYTES = 32;
/** The number of bytes that `spill` gets at a time. */
const SPILL_BYTES = 128 * 1024;

export type PesHead = {
	streamId: number;
	/** 90 kHz ticks, not wrapped. */
	pts: number;
	dts: number;
	/** random_access_indicator: decoding can start here. */
	randomAccess: boolean;
	/** Program clock reference for the first packet in 90 kHz ticks, not wrapped; null = none. */
	clock: number | null;
	/** The payload's length stays unsaid, as video's must when it does not fit in 16 bits. */
	unbounded: boolean;
};

/** Cuts sections and PES packets into transport packets, in one growing buffer that is handed over whole. */
export class PacketWriter {
	readonly #pool: BufferPool | null;
	readonly #spill: ((bytes: Buffer) => void) | null;
	#buffer: Buffer = EMPTY;
	#length = 0;
	#expectedBytes = INITIAL_BYTES;
	/** continuity_counter of each PID. */
	readonly #counters = new Uint8Array(PIDS);
	/** Free bytes of the packet being filled. */
	#room = 0;
	#pid = 0;
	/** Payload bytes of the present PES packet that are still to come. */
	#left = 0;

	/**
	 * Memory comes from `pool`; the one who has written the bytes of `take` gives them back. With `spill` little memory
	 * is needed: it gets bytes as they come, borrowed until return, and `take` the rest.
	 */
	constructor(pool: BufferPool | null = null, spill: ((bytes: Buffer) => void) | null = null) {
		this.#pool = pool;
		this.#spill = spill;
	}

	/** Bytes since the last `take`. */
	get length(): number {
		return this.#length;
	}

	/** Everything written since the last call: now the caller's. */
	take(): Buffer {
		const taken = this.#buffer.subarray(0, this.#length);
		this.#expectedBytes = Math.max(INITIAL_BYTES, Math.ceil(this.#length * 1.125));
		this.#buffer = EMPTY;
		this.#length = 0;
		return taken;
	}

	/** A section that fits one packet. */
	section(pid: number, section: Uint8Array): void {
		this.#reserve(TS_PACKET_BYTES);
		this.#packetHeader(pid, true, 0);
		const end = this.#length + MAX_PAYLOAD_BYTES;
		this.#buffer[this.#length] = 0; // pointer_field
		this.#buffer.set(section, this.#length + 1);
		this.#buffer.fill(0xff, this.#length + 1 + section.length, end);
		this.#length = end;
	}

	/** Starts a PES packet of `payloadBytes`, all of which must follow by `write` before anything else. */
	startPes(pid: number, head: PesHead, payloadBytes: number): void {
		const withDts = head.dts !== head.pts;
		const optionalBytes = withDts ? TIMESTAMP_BYTES * 2 : TIMESTAMP_BYTES;
		const headBytes = PES_FIXED_BYTES + optionalBytes;
		const pesLength = headBytes - 6 + payloadBytes;
		this.#pid = pid;
		this.#left = headBytes + payloadBytes;
		this.#nextPacket(true, head.clock, head.randomAccess);
		const buffer = this.#buffer;
		const at = this.#length;
		buffer.writeUIntBE(0x000001, at, 3); // packet_start_code_prefix
		buffer[at + 3] = head.streamId;
		buffer.writeUInt16BE(head.unbounded || pesLength > MAX_PES_LENGTH ? 0 : pesLength, at + 4); // PES_packet_length
		buffer[at + 6] = 0x84; // '10', data_alignment_indicator
		buffer[at + 7] = withDts ? 0xc0 : 0x80; // PTS_DTS_flags
		buffer[at + 8] = optionalBytes; // PES_header_data_length
		writeTimestamp(buffer, at + 9, withDts ? 3 : 2, wrapTimestamp(head.pts));
		if (withDts) {
			writeTimestamp(buffer, at + 14, 1, wrapTimestamp(head.dts));
		}
		this.#length += headBytes;
		this.#room -= headBytes;
		this.#left -= headBytes;
	}

	/** Appends bytes `[from, to)` of `source` to the PES packet. */
	write(source: Uint8Array, from = 0, to = source.length): void {
		for (let at = from; at < to; ) {
			const bytes = Math.min(to - at, MAX_GATHERED_BYTES);
			if (bytes <= SHORT_BYTES) {
				this.#writeShort(source, at, to);
				return;
			}
			this.#spread(source.subarray(at, at + bytes));
			at += bytes;
		}
	}

	#writeShort(source: Uint8Array, from: number, to: number): void {
		for (let at = from; at < to; at++) {
			if (this.#room === 0) {
				this.#nextPacket(false, null, false);
			}
			this.#buffer[this.#length++] = source[at]!;
			this.#room--;
			this.#left--;
		}
	}

	/**
	 * The bytes are copied in one go to behind where they end, then spread forward: 37 ns a packet, against 57 ns for a copy of its
	 * own for each and 227 ns for a loop over the bytes.
	 */
	#spread(bytes: Uint8Array): void {
		const slack = (Math.ceil(bytes.length / MAX_PAYLOAD_BYTES) + 1) * HEADER_BYTES + TS_PACKET_BYTES;
		this.#reserve(bytes.length + slack + TS_PACKET_BYTES);
		const buffer = this.#buffer;
		let at = this.#length + slack;
		const end = at + bytes.length;
		buffer.set(bytes, at);
		while (at < end) {
			if (this.#room === 0) {
				this.#nextPacket(false, null, false);
			}
			const count = Math.min(this.#room, end - at);
			buffer.copyWithin(this.#length, at, at + count);
			this.#length += count;
			this.#room -= count;
			this.#left -= count;
			at += count;
		}
	}

	/** Starts the next packet of the PES packet, stuffed when what is left does not fill it. */
	#nextPacket(unitStart: boolean, clock: number | null, randomAccess: boolean): void {
		this.#reserve(TS_PACKET_BYTES);
		const leastFieldBytes = clock !== null ? 2 + CLOCK_BYTES : randomAccess ? 2 : 0;
		const fieldBytes = Math.max(leastFieldBytes, MAX_PAYLOAD_BYTES - this.#left);
		this.#packetHeader(this.#pid, unitStart, fieldBytes);
		if (fieldBytes > 0) {
			const buffer = this.#buffer;
			const at = this.#length;
			buffer[at] = fieldBytes - 1; // adaptation_field_length
			if (fieldBytes > 1) {
				buffer[at + 1] = (randomAccess ? 0x40 : 0) | (clock !== null ? 0x10 : 0); // random_access_indicator, PCR_flag
				const stuffingAt = at + (clock !== null ? 2 + CLOCK_BYTES : 2);
				if (clock !== null) {
					writeClockReference(buffer, at + 2, wrapTimestamp(clock));
				}
				buffer.fill(0xff, stuffingAt, at + fieldBytes);
			}
			this.#length = at + fieldBytes;
		}
		this.#room = MAX_PAYLOAD_BYTES - fieldBytes;
	}

	#packetHeader(pid: number, unitStart: boolean, fieldBytes: number): void {
		const counter = this.#counters[pid]!;
		this.#counters[pid] = (counter + 1) & 15;
		const buffer = this.#buffer;
		const at = this.#length;
		buffer[at] = SYNC_BYTE;
		buffer[at + 1] = (unitStart ? 0x40 : 0) | (pid >>> 8); // payload_unit_start_indicator, PID
		buffer[at + 2] = pid & 0xff;
		buffer[at + 3] = (fieldBytes > 0 ? 0x30 : 0x10) | counter; // adaptation_field_control, continuity_counter
		this.#length = at + HEADER_BYTES;
	}

	#reserve(bytes: number): void {
		if (this.#length + bytes <= this.#buffer.length) {
			return;
		}
		if (this.#spill !== null && this.#length > 0) {
			this.#spill(this.#buffer.subarray(0, this.#length));
			this.#length = 0;
			return;
		}
		if (this.#spill !== null) {
			this.#buffer = Buffer.allocUnsafeSlow(SPILL_BYTES);
			return;
		}
		const size = Math.max(this.#length + bytes, this.#buffer.length * 2, this.#expectedBytes);
		const grown = this.#pool?.take(size) ?? Buffer.allocUnsafeSlow(size);
		this.#buffer.copy(grown, 0, 0, this.#length);
		this.#pool?.give(this.#buffer);
		this.#buffer = grown;
	}
}
