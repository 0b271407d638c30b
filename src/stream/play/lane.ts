import { RecordKind } from '../../ring/layout.js';
import type { HeaderSlot } from '../../ring/ring-writer.js';
import { PieceCache } from './piece-cache.js';
import { headerBatch } from './play-headers.js';
import type { StreamStart, SubscriberPort, WireFormat } from './subscriber.js';

/**
 * The subscribers of a hub who want the same bytes share it: the format, the pieces, and the list of those at the live
 * edge.
 */
export class Lane<Member> {
	readonly format: WireFormat;
	readonly counters: SubscriberPort['counters'];
	readonly live: Member[] = [];
	/** Subscribers in this lane, live or not. */
	size = 0;
	readonly pieces = new PieceCache();
	#start: { key: string; bytes: Buffer } | null = null;

	constructor(port: SubscriberPort) {
		this.format = port.format;
		this.counters = port.counters;
	}

	serves(port: SubscriberPort): boolean {
		return this.format.key === port.format.key && this.counters.bytesOut === port.counters.bytesOut;
	}

	/**
	 * Returns the first bytes for a beginner. Those who begin at the same place share them. `version` is that of the
	 * headers.
	 */
	startBytes(start: StreamStart, version: number): Buffer {
		const key = `${version} ${start.hasAudio} ${start.hasVideo} ${start.dtsMs}`;
		if (this.#start?.key !== key) {
			this.#start = { key, bytes: this.format.encodeStart(start) };
		}
		return this.#start.bytes;
	}

	/** Sequence headers for one who has begun already and missed their change. Metadata belongs at a stream's beginning only. */
	headerBytes(headers: readonly HeaderSlot[], dtsMs: number): Buffer {
		const sequenceHeaders = headers.filter(({ kind }) => kind !== RecordKind.script);
		return this.format.encodeBatch(headerBatch(sequenceHeaders, dtsMs));
	}
}
