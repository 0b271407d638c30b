// Spec: rfc8216bis-22 5.2 (AES-128: CBC with PKCS7 padding, the media sequence number as IV), 4.4.4.4 (EXT-X-KEY)
import { createCipheriv, randomBytes } from 'node:crypto';
import path from 'node:path';
import type { SegmentKey } from '../protocol/m3u8/media-playlist.js';
import { writeFileWhole } from '../record/atomic-file.js';
import type { JobQueue } from '../record/job-queue.js';

const KEY_BYTES = 16;

/** Encrypts whole segments, with a new key after every so many of them. Key files lie beside the segments. */
export class SegmentEncryption {
	readonly #directory: string;
	readonly #jobs: JobQueue;
	readonly #segmentsPerKey: number;
	#key: Buffer = Buffer.alloc(0);
	#uri = '';
	#left = 0;

	constructor(directory: string, jobs: JobQueue, segmentsPerKey: number) {
		this.#directory = directory;
		this.#jobs = jobs;
		this.#segmentsPerKey = segmentsPerKey;
	}

	/** `mediaSequence` is the number of the segment in the playlist. */
	encrypt(segment: Uint8Array, mediaSequence: number): { bytes: Buffer; key: SegmentKey } {
		if (this.#left === 0) {
			this.#left = this.#segmentsPerKey;
			this.#key = randomBytes(KEY_BYTES);
			this.#uri = `key_${mediaSequence}.key`;
			const file = path.join(this.#directory, this.#uri);
			const key = this.#key;
			this.#jobs.add(() => writeFileWhole(file, [key]));
		}
		this.#left--;
		const iv = Buffer.alloc(KEY_BYTES);
		iv.writeBigUInt64BE(BigInt(mediaSequence), 8);
		const cipher = createCipheriv('aes-128-cbc', this.#key, iv);
		const bytes = Buffer.concat([cipher.update(segment), cipher.final()]);
		return { bytes, key: { uri: this.#uri, iv: null } };
	}
}
