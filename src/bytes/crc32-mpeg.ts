// Spec: ISO/IEC 13818-1 annex A (CRC decoder model)

const POLYNOMIAL = 0x04c11db7;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
	let crc = byte << 24;
	for (let bit = 0; bit < 8; bit++) {
		crc = crc & 0x80000000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
	}
	return crc >>> 0;
});

/** CRC_32 of PSI sections in MPEG-2 transport streams: most significant bit first, not inverted. */
export function crc32Mpeg(bytes: Uint8Array): number {
	let crc = 0xffffffff;
	for (const byte of bytes) {
		crc = (crc << 8) ^ TABLE[(crc >>> 24) ^ byte]!;
	}
	return crc >>> 0;
}
