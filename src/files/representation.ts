import { CACHE_CONTROL, type ContentType, contentTypeOf } from './content-type.js';
import type { Validators } from './preconditions.js';

/** One version of a file, or of an upstream's answer: all that a response to GET or HEAD is made of. */
export type Representation = Validators & {
	contentType: string;
	cacheControl: string;
	/** True when text codings pay. */
	compressible: boolean;
	sizeBytes: number;
	body: Body;
	/** Further header fields, name by name and value by value. */
	extra: readonly string[];
	/** Its compressed forms, made when they are first asked for. Null = tried, and not smaller. */
	encoded: Map<string, Promise<Buffer | null>>;
};

/** Bytes in memory (*kept, not to be modified*), or an open file that the answerer reads from and closes. */
export type Body = Buffer | OpenBody;

/** The operations of an open file that answers need; one read at a time. */
export type OpenBody = {
	read(
		buffer: Buffer,
		offset: number,
		length: number,
		position: number,
	): Promise<{ bytesRead: number; buffer: Buffer }>;
	close(): Promise<void>;
};

/** A file that has `sizeBytes` and was changed at `mtimeMs`. `ownName` says that no link led to it. */
export function fileRepresentation(
	file: { name: string; sizeBytes: number; mtimeMs: number; ownName: boolean },
	body: Body,
): Representation {
	const type: ContentType = contentTypeOf(file.name);
	// The target of a link changes when the next take begins.
	const freshness = type.freshness === 'segment' && !file.ownName ? 'changing' : type.freshness;
	return {
		contentType: type.type,
		cacheControl: CACHE_CONTROL[freshness],
		compressible: type.compressible,
		sizeBytes: file.sizeBytes,
		// Nothing in it is of one machine: several gateways behind a balancer agree.
		etag: `"${file.sizeBytes.toString(16)}-${Math.round(file.mtimeMs * 1000).toString(16)}"`,
		lastModifiedMs: Math.floor(file.mtimeMs / 1000) * 1000,
		body,
		extra: [],
		encoded: new Map(),
	};
}

/** Releases what is open. */
export async function closeRepresentation({ body }: Representation): Promise<void> {
	if (!Buffer.isBuffer(body)) {
		await body.close();
	}
}
