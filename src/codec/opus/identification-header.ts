// Spec: RFC 7845 5.1 (OpusHead, the FLV sequence header); Opus in ISO base media file format 4.3.2 (`dOps`); RFC 6716 3.1 (TOC)
import { malformed } from '../malformed.js';

export type OpusHeader = {
	channels: number;
	/** Samples at 48 kHz to throw away at the start. */
	preSkip: number;
	inputSampleRate: number;
	outputGain: number;
	mappingFamily: number;
	/** stream_count, coupled_count and channel mapping; empty for family 0. */
	mapping: Buffer;
};

/** Opus always runs at this rate, at any rate of the input. */
export const OPUS_SAMPLE_RATE = 48_000;

/** Delay of the reference encoder: 6.5 ms at 48 kHz. */
export const REFERENCE_PRE_SKIP = 312;

const MAGIC = 'OpusHead';

/** `head` starts with "OpusHead". Throws PeerError CODEC_CONFIG. */
export function parseOpusHead(head: Buffer): OpusHeader {
	if (head.length < 19 || head.toString('latin1', 0, 8) !== MAGIC || head[8]! >>> 4 !== 0) {
		malformed(`OpusHead of ${head.length} bytes`);
	}
	const channels = head[9]!;
	const mappingFamily = head[18]!;
	return checked({
		channels,
		preSkip: head.readUInt16LE(10),
		inputSampleRate: head.readUInt32LE(12),
		outputGain: head.readInt16LE(16),
		mappingFamily,
		mapping: mappingFamily === 0 ? Buffer.alloc(0) : Buffer.from(head.subarray(19, 21 + channels)),
	});
}

/** The body of a `dOps` box. Throws PeerError CODEC_CONFIG. */
export function parseDOps(body: Buffer): OpusHeader {
	if (body.length < 11 || body[0] !== 0) {
		malformed(`dOps of ${body.length} bytes`);
	}
	const channels = body[1]!;
	const mappingFamily = body[10]!;
	return checked({
		channels,
		preSkip: body.readUInt16BE(2),
		inputSampleRate: body.readUInt32BE(4),
		outputGain: body.readInt16BE(8),
		mappingFamily,
		mapping: mappingFamily === 0 ? Buffer.alloc(0) : Buffer.from(body.subarray(11, 13 + channels)),
	});
}

/** The header of a stream that has none, as its packets tell it: mono or stereo, with the delay of the reference encoder. */
export function opusHeadOfPacket(packet: Uint8Array): Buffer {
	const isStereo = packet.length > 0 && (packet[0]! & 4) !== 0; // TOC: s
	return serializeOpusHead({
		...{ channels: isStereo ? 2 : 1, preSkip: REFERENCE_PRE_SKIP, inputSampleRate: OPUS_SAMPLE_RATE },
		...{ outputGain: 0, mappingFamily: 0, mapping: Buffer.alloc(0) },
	});
}

export function serializeOpusHead(header: OpusHeader): Buffer {
	const head = Buffer.alloc(19);
	head.write(MAGIC, 0, 'latin1');
	head[8] = 1; // Version
	head[9] = header.channels;
	head.writeUInt16LE(header.preSkip, 10);
	head.writeUInt32LE(header.inputSampleRate, 12);
	head.writeInt16LE(header.outputGain, 16);
	head[18] = header.mappingFamily;
	return Buffer.concat([head, header.mapping]);
}

/** The body of a `dOps` box. */
export function serializeDOps(header: OpusHeader): Buffer {
	const body = Buffer.alloc(11);
	body[0] = 0; // Version
	body[1] = header.channels; // OutputChannelCount
	body.writeUInt16BE(header.preSkip, 2);
	body.writeUInt32BE(header.inputSampleRate, 4);
	body.writeInt16BE(header.outputGain, 8);
	body[10] = header.mappingFamily;
	return Buffer.concat([body, header.mapping]);
}

/** Samples at 48 kHz in a packet, by its TOC byte; 0 when the packet says nothing sensible. */
export function opusPacketSamples(packet: Uint8Array): number {
	const toc = packet[0];
	if (toc === undefined) {
		return 0;
	}
	const code = toc & 3;
	const frames = code === 0 ? 1 : code < 3 ? 2 : (packet[1] ?? 0) & 0x3f;
	const samples = frames * frameSamples(toc >>> 3);
	return samples <= MAX_PACKET_SAMPLES ? samples : 0;
}

/** A packet holds at most 120 ms. */
const MAX_PACKET_SAMPLES = 5760;

function frameSamples(config: number): number {
	if (config < 12) {
		return [480, 960, 1920, 2880][config & 3]!; // SILK: 10, 20, 40, 60 ms
	}
	return config < 16 ? [480, 960][config & 1]! : [120, 240, 480, 960][config & 3]!; // hybrid, CELT
}

function checked(header: OpusHeader): OpusHeader {
	if (header.channels === 0 || (header.mappingFamily !== 0 && header.mapping.length !== 2 + header.channels)) {
		malformed(`Opus mapping of ${header.channels} channels, family ${header.mappingFamily}`);
	}
	return header;
}
