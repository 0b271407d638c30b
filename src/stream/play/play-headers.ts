import { TagType } from '../../container/flv/tag.js';
import { buildTag } from '../../container/flv/writer.js';
import { RecordKind } from '../../ring/layout.js';
import type { RecordBatch, RecordInfo, RingReader } from '../../ring/ring-reader.js';
import type { HeaderSlot } from '../../ring/ring-writer.js';

const TAG_TYPE: { readonly [kind in RecordKind]?: number } = {
	[RecordKind.script]: TagType.script,
	[RecordKind.videoHeader]: TagType.video,
	[RecordKind.audioHeader]: TagType.audio,
};
/** Players want onMetaData, then the video's sequence headers, then the audio's. */
const ORDER = [RecordKind.script, RecordKind.videoHeader, RecordKind.audioHeader] as const;

/** Metadata and sequence headers of a stream, in the order in which a player wants them. Read again only when they have changed. */
export class PlayHeaders {
	#known: { version: number; slots: HeaderSlot[] } | null = null;

	read(reader: RingReader): { version: number; slots: HeaderSlot[] } {
		if (this.#known?.version !== reader.headersVersion) {
			const { version, slots } = reader.readHeaders();
			this.#known = { version, slots: ORDER.flatMap((kind) => slots.filter((slot) => slot.kind === kind)) };
		}
		return this.#known;
	}
}

/**
 * The headers as records, so that a WireFormat encodes them like any others: sequence headers with timestamp `dtsMs`, metadata
 * with 0, as FFmpeg takes an onMetaData of any other time for a subtitle track. Bodies are copied.
 */
export function headerBatch(headers: readonly HeaderSlot[], dtsMs: number): RecordBatch {
	const tags: Uint8Array[] = [];
	const records: RecordInfo[] = [];
	let offset = 0;
	for (const { kind, trackId, body } of headers) {
		const headerDtsMs = kind === RecordKind.script ? 0 : dtsMs;
		const tag = buildTag(TAG_TYPE[kind]!, headerDtsMs, body);
		tags.push(tag);
		records.push({ kind, flags: 0, trackId, dtsMs: headerDtsMs, frameNumber: 0, offset, length: tag.length });
		offset += tag.length;
	}
	return { bytes: Buffer.concat(tags), room: { before: 0, after: 0 }, records, next: 0 };
}
