// Spec: rfc8216bis-22 5.2 (AES-128: CBC with PKCS7 padding), 4.4.4.4 (EXT-X-KEY)
import { createCipheriv, randomBytes } from 'node:crypto';
import type { SegmentKey } from '../../protocol/m3u8/media-playlist.js';

const KEY_BYTES = 16;

export type EncryptedSegment = {
	bytes: Buffer;
	key: SegmentKey;
	/** A key that comes into use with this segment: a file to be written first. */
	newKey: { uri: string; bytes: Buffer } | null;
};

/** Encrypts whole segments, each with its own initialization vector, and with another key after every so many of them. */
export class SegmentEncryption {
	readonly #segmentsPerKey: number;
	#key: Buffer = Buffer.alloc(0);
	#uri = '';
	#left = 0;

	constructor(segmentsPerKey: number) {
		this.#segmentsPerKey = segmentsPerKey;
	}

	/** `segment` is borrowed; `number` is not used for two segments, so neither is a vector. */
	encrypt(segment: Uint8Array, number: number): EncryptedSegment {
		const isNew = this.#left === 0;
		if (isNew) {
			this.#left = this.#segmentsPerKey;
			this.#key = randomBytes(KEY_BYTES);
			this.#uri = `key_${number}.key`;
		}
		this.#left--;
		const iv = Buffer.alloc(KEY_BYTES);
		iv.writeBigUInt64BE(BigInt(number), KEY_BYTES - 8);
		const cipher = createCipheriv('aes-128-cbc', this.#key, iv);
		return {
			bytes: Buffer.concat([cipher.update(segment), cipher.final()]),
			key: { uri: this.#uri, iv: iv.toString('hex') },
			newKey: isNew ? { uri: this.#uri, bytes: this.#key } : null,
		};
	}
}
