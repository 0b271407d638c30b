import { type FileHandle, open } from 'node:fs/promises';
import { type Box, MAX_BOX_HEADER_BYTES, readBoxHeader } from '../../container/mp4/box-reader.js';
import { type ReadRun, readFragment } from '../../container/mp4/fragment-reader.js';
import { type Movie, readMovie } from '../../container/mp4/movie-reader.js';
import { PeerError, peerErrorOf } from '../../errors.js';

/** A fragment of a segment file: the samples of its `moof`, and where its `mdat` has them. */
export type ScannedFragment = {
	runs: readonly ReadRun[];
	moofStart: number;
	/** Media data: `[mdatStart, mdatEnd)`. */
	mdatStart: number;
	mdatEnd: number;
};

export type ScannedSegment = {
	fragments: ScannedFragment[];
	/** Up to the end of the last whole fragment. */
	validBytes: number;
};

const READ_BYTES = 16 * 1024;
const MAX_MOOF_BYTES = 16 * 1024 * 1024;
const MAX_MOOV_BYTES = 256 * 1024 * 1024;

/** Walks the fragments of a segment file without reading their media data; stops at the first that is not whole. */
export async function scanSegment(path: string): Promise<ScannedSegment> {
	const file = await open(path, 'r');
	try {
		const { size } = await file.stat();
		const window = new FileWindow(file, size);
		const fragments: ScannedFragment[] = [];
		let validBytes = 0;
		let pending: { runs: ReadRun[]; moofStart: number } | null = null;
		for (let at = 0; at < size; ) {
			const head = await window.bytesAt(at, MAX_BOX_HEADER_BYTES);
			const header = readBoxHeader(head, 0);
			if (header === null || at + header.sizeBytes > size) {
				break;
			}
			const end = at + header.sizeBytes;
			if (header.type === 'moof' && header.sizeBytes <= MAX_MOOF_BYTES) {
				const bytes = await window.bytesAt(at, header.sizeBytes);
				const box: Box = { type: 'moof', start: 0, bodyStart: header.headerBytes, end: header.sizeBytes };
				pending = { runs: readFragment(bytes, box, () => undefined), moofStart: at };
			} else if (header.type === 'mdat' && pending !== null) {
				fragments.push({ ...pending, mdatStart: at + header.headerBytes, mdatEnd: end });
				pending = null;
				validBytes = end;
			}
			at = end;
		}
		return { fragments, validBytes };
	} catch (error) {
		peerErrorOf(error);
		return { fragments: [], validBytes: 0 };
	} finally {
		await file.close();
	}
}

/** Reads the `moov` of an init segment or of a whole MP4. Throws PeerError MP4_BOX when there is none. */
export async function readMovieFile(file: FileHandle): Promise<{ bytes: Buffer; movie: Movie }> {
	const { size } = await file.stat();
	const window = new FileWindow(file, size);
	for (let at = 0; at < size; ) {
		const header = readBoxHeader(await window.bytesAt(at, MAX_BOX_HEADER_BYTES), 0);
		if (header === null) {
			break;
		}
		if (header.type === 'moov') {
			const length = Math.min(header.sizeBytes, size - at);
			if (length > MAX_MOOV_BYTES) {
				throw new PeerError('MP4_BOX', `moov of ${length} bytes`);
			}
			// A copy of its own: tables are read from it for as long as the file is.
			const bytes = Buffer.from(await window.bytesAt(at, length));
			const box: Box = { type: 'moov', start: 0, bodyStart: header.headerBytes, end: length };
			return { bytes, movie: readMovie(bytes, box) };
		}
		at += header.sizeBytes;
	}
	throw new PeerError('MP4_BOX', 'no moov');
}

/** Reads a file here and there, a block at a time. */
class FileWindow {
	readonly #file: FileHandle;
	readonly #size: number;
	#window: Buffer = Buffer.alloc(0);
	#windowAt = 0;

	constructor(file: FileHandle, size: number) {
		this.#file = file;
		this.#size = size;
	}

	/** Up to `length` bytes at `at`, fewer at the end of the file; valid until the next call. */
	async bytesAt(at: number, length: number): Promise<Buffer> {
		const wanted = Math.min(length, this.#size - at);
		if (at < this.#windowAt || at + wanted > this.#windowAt + this.#window.length) {
			const buffer = Buffer.allocUnsafe(Math.max(wanted, Math.min(READ_BYTES, this.#size - at)));
			const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
			this.#window = buffer.subarray(0, bytesRead);
			this.#windowAt = at;
		}
		const from = at - this.#windowAt;
		return this.#window.subarray(from, from + wanted);
	}
}
