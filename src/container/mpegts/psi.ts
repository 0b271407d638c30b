// Spec: ISO/IEC 13818-1 2.4.4.3 (program association section), 2.4.4.8 (program map section)
import { ByteWriter } from '../../bytes/byte-writer.js';
import { crc32Mpeg } from '../../bytes/crc32-mpeg.js';
import type { ElementaryStream } from './stream-type.js';

export const PAT_PID = 0;
const TABLE_ID_PAT = 0;
const TABLE_ID_PMT = 2;
const CRC_BYTES = 4;
const SECTION_HEADER_BYTES = 3;
const MAX_SECTION_BYTES = 1024;
const MAX_STREAMS = 64;

/** The section that says where the program map of the one program is. */
export function buildProgramAssociation(programNumber: number, mapPid: number): Buffer {
	const body = new ByteWriter(16);
	body.u16(programNumber).u16(0xe000 | mapPid); // program_number, reserved, program_map_PID
	return buildSection(TABLE_ID_PAT, 1, 0, body.toBuffer()); // transport_stream_id 1
}

/** The section that lists a program's elementary streams. */
export function buildProgramMap(
	programNumber: number,
	version: number,
	clockPid: number,
	programDescriptors: Buffer,
	streams: readonly ElementaryStream[],
): Buffer {
	const body = new ByteWriter(64);
	body.u16(0xe000 | clockPid); // reserved, PCR_PID
	body.u16(0xf000 | programDescriptors.length).bytes(programDescriptors); // reserved, program_info_length
	for (const { pid, streamType, descriptors } of streams) {
		body.u8(streamType).u16(0xe000 | pid); // stream_type, reserved, elementary_PID
		body.u16(0xf000 | descriptors.length).bytes(descriptors); // reserved, ES_info_length
	}
	return buildSection(TABLE_ID_PMT, programNumber, version, body.toBuffer());
}

function buildSection(tableId: number, extension: number, version: number, body: Buffer): Buffer {
	const writer = new ByteWriter(SECTION_HEADER_BYTES + 5 + body.length + CRC_BYTES);
	writer.u8(tableId);
	writer.u16(0xb000 | (5 + body.length + CRC_BYTES)); // section_syntax_indicator, reserved, section_length
	writer.u16(extension); // transport_stream_id or program_number
	writer.u8(0xc0 | ((version & 31) << 1) | 1); // reserved, version_number, current_next_indicator
	writer.u8(0).u8(0); // section_number, last_section_number
	writer.bytes(body);
	writer.u32(crc32Mpeg(writer.view())); // CRC_32
	return writer.toBuffer();
}

/** Program map PIDs by program number. Null for a section that is damaged, another table's, or not valid yet. */
export function parseProgramAssociation(section: Buffer): Map<number, number> | null {
	const body = sectionBody(section, TABLE_ID_PAT);
	if (body === null) {
		return null;
	}
	const programs = new Map<number, number>();
	for (let at = 0; at + 4 <= body.length; at += 4) {
		const program = body.readUInt16BE(at);
		if (program !== 0) {
			programs.set(program, body.readUInt16BE(at + 2) & 0x1fff);
		}
	}
	return programs;
}

/** A program's elementary streams. Null for a section that is damaged, another table's, or not valid yet. */
export function parseProgramMap(section: Buffer): ElementaryStream[] | null {
	const body = sectionBody(section, TABLE_ID_PMT);
	if (body === null || body.length < 4) {
		return null;
	}
	const streams: ElementaryStream[] = [];
	let at = 4 + (body.readUInt16BE(2) & 0x0fff); // PCR_PID, program_info_length
	while (at + 5 <= body.length && streams.length < MAX_STREAMS) {
		const infoBytes = body.readUInt16BE(at + 3) & 0x0fff;
		streams.push({
			streamType: body[at]!,
			pid: body.readUInt16BE(at + 1) & 0x1fff,
			descriptors: body.subarray(at + 5, at + 5 + infoBytes),
		});
		at += 5 + infoBytes;
	}
	return streams;
}

/** Bytes of the whole section whose header starts `bytes`; 0 while that cannot be told. */
export function sectionLength(bytes: Buffer): number {
	return bytes.length < SECTION_HEADER_BYTES
		? 0
		: Math.min(MAX_SECTION_BYTES, SECTION_HEADER_BYTES + (bytes.readUInt16BE(1) & 0x0fff));
}

function sectionBody(section: Buffer, tableId: number): Buffer | null {
	if (section.length < 12 || section[0] !== tableId || (section[5]! & 1) === 0 || crc32Mpeg(section) !== 0) {
		return null;
	}
	return section.subarray(8, section.length - CRC_BYTES);
}
