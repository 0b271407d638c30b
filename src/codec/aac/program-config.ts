// Spec: ISO/IEC 14496-3 4.4.1.1 (program_config_element), 4.4.2.1 and table 4.85 (raw_data_block, id_syn_ele)
import type { BitReader } from '../../bytes/bit-reader.js';
import { BitWriter } from '../../bytes/bit-writer.js';

/** ID_PCE: the syntactic element of a raw data block that is a program config element. */
const ID_PCE = 5;
const ID_BITS = 3;

/** A program config element names the channels where no number does. */
export type ProgramConfig = {
	channels: number;
	/** Everything up to the comment: values and how many bits each takes. */
	fields: readonly (readonly [value: number, bits: number])[];
	comment: Buffer;
};

/** Reads the element. Its comment begins at a whole byte of what `reader` reads. */
export function readProgramConfig(reader: BitReader): ProgramConfig {
	const fields: (readonly [number, number])[] = [];
	const field = (bits: number): number => {
		const value = reader.bits(bits);
		fields.push([value, bits]);
		return value;
	};
	field(4 + 2 + 4); // element_instance_tag, object_type, sampling_frequency_index
	const front = field(4);
	const side = field(4);
	const back = field(4);
	const lfe = field(2);
	const data = field(3);
	const coupling = field(4);
	for (const elementBits of [4, 4, 3]) {
		if (field(1) === 1) {
			field(elementBits); // mono_mixdown, stereo_mixdown, matrix_mixdown
		}
	}
	let channels = lfe;
	for (let element = 0; element < front + side + back; element++) {
		channels += field(1) === 1 ? 2 : 1; // is_cpe
		field(4);
	}
	for (let element = 0; element < lfe + data; element++) {
		field(4);
	}
	for (let element = 0; element < coupling; element++) {
		field(5);
	}
	reader.alignToByte();
	return { channels, fields, comment: reader.bytes(reader.bits(8)) }; // comment_field_bytes, comment_field_data
}

export function writeProgramConfig(writer: BitWriter, { fields, comment }: ProgramConfig): void {
	for (const [value, bits] of fields) {
		writer.bits(value, bits);
	}
	writer.alignToByte().bits(comment.length, 8).bytes(comment);
}

/** The element as the first of a raw data block: whole bytes, since it ends at one. */
export function serializeProgramConfigElement(config: ProgramConfig): Buffer {
	const writer = new BitWriter().bits(ID_PCE, ID_BITS);
	writeProgramConfig(writer, config);
	return writer.toBuffer();
}

/** True when a raw data block begins with a program config element. */
export function beginsWithProgramConfig(block: Uint8Array): boolean {
	return block.length > 0 && block[0]! >>> (8 - ID_BITS) === ID_PCE;
}

/** The program config element that a raw data block begins with. */
export function programConfigOfBlock(reader: BitReader): ProgramConfig {
	reader.skip(ID_BITS);
	return readProgramConfig(reader);
}
