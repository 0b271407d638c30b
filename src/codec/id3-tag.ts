// Spec: ID3v2.4.0 structure 3.1 (header), 4 (frames), 6.2 (synchsafe integers); ID3v2.4.0 frames 4.2.6 (TXXX)

const HEADER_BYTES = 10;
const UTF_8 = 3;

/** An ID3v2.4 tag with one TXXX frame. Players of HLS take it for timed metadata. */
export function buildTextTag(description: string, value: string): Buffer {
	const text = Buffer.concat([Buffer.from([UTF_8]), Buffer.from(`${description}\0${value}\0`)]);
	const frame = Buffer.concat([Buffer.from('TXXX'), synchsafe(text.length), Buffer.alloc(2), text]);
	const head = Buffer.from('494433040000', 'hex'); // "ID3", version 4.0, no flags
	return Buffer.concat([head, synchsafe(frame.length), frame], HEADER_BYTES + frame.length);
}

/** 28 bits in four bytes, none of which can be taken for a synchronization word. */
function synchsafe(value: number): Buffer {
	return Buffer.from([value >>> 21, (value >>> 14) & 0x7f, (value >>> 7) & 0x7f, value & 0x7f]);
}
