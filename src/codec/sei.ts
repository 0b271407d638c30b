// Spec: H.264 7.3.2.3 (sei_rbsp), D.1.8 (recovery_point); H.265 7.3.2.4, D.2.8. Both have one shape.
import { removeEmulationPrevention } from './nal-unit.js';

const RECOVERY_POINT = 6;
/** Bytes of one that are looked at: a recovery point comes in front of what is long. */
const MAX_SEI_BYTES = 1024;

/** True when an SEI NAL unit says that decoding can start at its picture although that is no IDR. */
export function hasRecoveryPoint(nal: Uint8Array, headerBytes: number): boolean {
	const rbsp = removeEmulationPrevention(nal.subarray(headerBytes, headerBytes + MAX_SEI_BYTES));
	// The last byte has the stop bit only.
	for (let at = 0; at + 1 < rbsp.length; ) {
		let payloadType = 0;
		let payloadSize = 0;
		while (rbsp[at] === 0xff) {
			payloadType += 255;
			at++;
		}
		payloadType += rbsp[at++] ?? 0;
		while (rbsp[at] === 0xff) {
			payloadSize += 255;
			at++;
		}
		payloadSize += rbsp[at++] ?? 0;
		if (payloadType === RECOVERY_POINT) {
			return true;
		}
		at += payloadSize;
	}
	return false;
}
