// Spec: AV1 bitstream 5.3.2 (obu_header), 5.9.2 (uncompressed_header), 7.6.1 (random access points)
import { PictureKind, pictureKindOf } from '../picture-kind.js';
import { ObuType } from './obu.js';

const KEY_FRAME = 0;
const MAX_LEB128_BYTES = 8;

/**
 * Looks at a temporal unit, up to its first frame header. `marked` says that the container calls it a keyframe, and counts when
 * the OBUs cannot be followed.
 */
export function av1PictureKind(bytes: Uint8Array, from: number, to: number, marked: boolean): PictureKind {
	for (let at = from; at < to; ) {
		const header = bytes[at]!;
		if ((header & 0x80) !== 0) {
			return pictureKindOf(marked); // obu_forbidden_bit
		}
		const type = (header >>> 3) & 15;
		let payloadAt = at + ((header & 4) !== 0 ? 2 : 1); // obu_extension_flag
		let length = to - payloadAt;
		if ((header & 2) !== 0) {
			length = 0; // obu_has_size_field
			for (let index = 0; index < MAX_LEB128_BYTES; index++) {
				const byte = bytes[payloadAt++] ?? 0;
				length += (byte & 0x7f) * 2 ** (7 * index);
				if ((byte & 0x80) === 0) {
					break;
				}
			}
		}
		if (payloadAt + length > to) {
			return pictureKindOf(marked);
		}
		if ((type === ObuType.frame || type === ObuType.frameHeader) && length > 0) {
			const head = bytes[payloadAt]!; // show_existing_frame, frame_type (2), show_frame
			return pictureKindOf((head & 0x90) === 0x10 && ((head >>> 5) & 3) === KEY_FRAME);
		}
		at = payloadAt + length;
	}
	return PictureKind.none;
}
