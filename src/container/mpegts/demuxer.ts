// Spec: ISO/IEC 13818-1 2.4.3 (packets, PES), 2.4.4 (tables)
import { PeerError } from '../../errors.js';
import { SYNC_BYTE, TS_PACKET_BYTES } from './packet-writer.js';
import { PAT_PID, parseProgramAssociation, parseProgramMap, sectionLength } from './psi.js';
import type { ElementaryStream } from './stream-type.js';
import { readTimestamp } from './timestamp.js';

/** A PES packet. `pts` and `dts` are 33-bit, NaN when it has none. */
export type PesPacket = { pts: number; dts: number; payload: Buffer };

export type TsHandler = {
	/** The program map lists these streams; called when it first comes and when it changes. */
	streams(streams: readonly ElementaryStream[]): void;
	/** A complete PES packet of one of them. The payload is borrowed until return. */
	packet(stream: ElementaryStream, packet: PesPacket): void;
};

/** Bytes of one PES packet before the rest of it is thrown away. */
export const MAX_PES_BYTES = 16 * 1024 * 1024;
/** Bytes without two sync bytes a packet apart before the input is refused. */
const MAX_UNSYNCED_BYTES = 64 * 1024;
const PES_START_CODE = 0x000001;
const PES_FIXED_BYTES = 9;

/** Stream ids whose PES packets have no optional header (ISO/IEC 13818-1, 2.4.3.7). */
const WITHOUT_HEADER = new Set([0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff]);

type Collector = { stream: ElementaryStream; chunks: Buffer[]; bytes: number; counter: number; broken: boolean };

/** Incremental demuxer of a transport stream with one program: bytes in, cut anywhere; PES packets out. */
export class TsDemuxer {
	readonly #handler: TsHandler;
	readonly #collectors = new Map<number, Collector>();
	readonly #sections = new Map<number, Buffer>();
	#carry: Buffer = Buffer.alloc(0);
	#mapPid = -1;
	#map: Buffer = Buffer.alloc(0);
	#unsynced = 0;
	#lost = 0;

	constructor(handler: TsHandler) {
		this.#handler = handler;
	}

	/** Packets that were missing, by their continuity counters. */
	get lostPackets(): number {
		return this.#lost;
	}

	/** Takes the next bytes, borrowed until return. Throws PeerError TS_PACKET when there is no transport stream in them. */
	push(chunk: Buffer): void {
		const bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
		let at = 0;
		while (at + TS_PACKET_BYTES <= bytes.length) {
			const next = at + TS_PACKET_BYTES;
			if (bytes[at] !== SYNC_BYTE || (next < bytes.length && bytes[next] !== SYNC_BYTE)) {
				at++;
				this.#unsynced++;
				if (this.#unsynced > MAX_UNSYNCED_BYTES) {
					throw new PeerError('TS_PACKET', `no sync byte in ${MAX_UNSYNCED_BYTES} bytes`);
				}
				continue;
			}
			this.#unsynced = 0;
			this.#packet(bytes.subarray(at, next));
			at = next;
		}
		this.#carry = Buffer.from(bytes.subarray(at));
	}

	/** Hands out what is complete only because nothing follows. */
	end(): void {
		for (const collector of this.#collectors.values()) {
			this.#finish(collector);
		}
	}

	#packet(packet: Buffer): void {
		const pid = ((packet[1]! & 0x1f) << 8) | packet[2]!;
		const unitStart = (packet[1]! & 0x40) !== 0;
		const adaptation = (packet[3]! >>> 4) & 3;
		const payloadAt = 4 + (adaptation & 2 ? 1 + packet[4]! : 0);
		if ((packet[1]! & 0x80) !== 0 || (adaptation & 1) === 0 || payloadAt >= TS_PACKET_BYTES) {
			return; // transport_error_indicator, or no payload
		}
		const payload = packet.subarray(payloadAt);
		if (pid === PAT_PID || pid === this.#mapPid) {
			this.#section(pid, unitStart, payload);
			return;
		}
		const collector = this.#collectors.get(pid);
		if (collector !== undefined) {
			this.#collect(collector, unitStart, packet[3]! & 15, payload);
		}
	}

	#section(pid: number, unitStart: boolean, payload: Buffer): void {
		const pending = unitStart ? Buffer.alloc(0) : (this.#sections.get(pid) ?? null);
		if (pending === null) {
			return;
		}
		const from = unitStart ? 1 + payload[0]! : 0; // pointer_field
		const section = Buffer.concat([pending, payload.subarray(from)]);
		const length = sectionLength(section);
		if (length === 0 || section.length < length) {
			this.#sections.set(pid, section);
			return;
		}
		this.#sections.delete(pid);
		if (pid === PAT_PID) {
			const [mapPid] = parseProgramAssociation(section.subarray(0, length))?.values() ?? [];
			this.#mapPid = mapPid ?? this.#mapPid;
		} else {
			this.#programMap(section.subarray(0, length));
		}
	}

	#programMap(section: Buffer): void {
		if (section.equals(this.#map)) {
			return;
		}
		const streams = parseProgramMap(section);
		if (streams === null) {
			return;
		}
		this.#map = section;
		this.end();
		this.#collectors.clear();
		for (const stream of streams) {
			this.#collectors.set(stream.pid, { stream, chunks: [], bytes: 0, counter: -1, broken: true });
		}
		this.#handler.streams(streams);
	}

	#collect(collector: Collector, unitStart: boolean, counter: number, payload: Buffer): void {
		if (collector.counter === counter && !unitStart) {
			return; // a duplicate packet, which the standard allows
		}
		if (collector.counter >= 0 && counter !== ((collector.counter + 1) & 15)) {
			this.#lost++;
			collector.broken = true;
		}
		collector.counter = counter;
		if (unitStart) {
			this.#finish(collector);
			collector.broken = false;
		}
		if (!collector.broken && collector.bytes + payload.length <= MAX_PES_BYTES) {
			collector.chunks.push(Buffer.from(payload));
			collector.bytes += payload.length;
		}
		if (collector.chunks.length === 1) {
			return;
		}
		const declared = collector.chunks[0]?.readUInt16BE(4) ?? 0;
		if (declared > 0 && collector.bytes >= declared + 6) {
			this.#finish(collector);
		}
	}

	#finish(collector: Collector): void {
		const bytes = Buffer.concat(collector.chunks);
		collector.chunks = [];
		collector.bytes = 0;
		if (bytes.length < PES_FIXED_BYTES || collector.broken || bytes.readUIntBE(0, 3) !== PES_START_CODE) {
			return;
		}
		const declared = bytes.readUInt16BE(4);
		const end = declared > 0 ? Math.min(bytes.length, declared + 6) : bytes.length;
		if (WITHOUT_HEADER.has(bytes[3]!)) {
			return;
		}
		const flags = bytes[7]!;
		const payloadAt = PES_FIXED_BYTES + bytes[8]!;
		if (payloadAt > end) {
			return;
		}
		const pts = flags & 0x80 && bytes[8]! >= 5 ? readTimestamp(bytes, 9) : Number.NaN;
		const dts = flags & 0x40 && bytes[8]! >= 10 ? readTimestamp(bytes, 14) : pts;
		this.#handler.packet(collector.stream, { pts, dts, payload: bytes.subarray(payloadAt, end) });
	}
}
