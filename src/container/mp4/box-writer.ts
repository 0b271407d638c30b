// Spec: ISO/IEC 14496-12 4.2 (object structure)
import { ByteWriter } from '../../bytes/byte-writer.js';

/** Boxes written in one pass into one growing buffer; each box's size is patched in when its body is complete. */
export class BoxWriter extends ByteWriter {
	box(type: string, writeBody: () => void): this {
		const start = this.length;
		this.u32(0).ascii(type);
		writeBody();
		this.patchU32(start, this.length - start);
		return this;
	}

	fullBox(type: string, version: number, flags: number, writeBody: () => void): this {
		return this.box(type, () => {
			this.u8(version).u24(flags);
			writeBody();
		});
	}
}
