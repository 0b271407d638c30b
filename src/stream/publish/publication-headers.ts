import { classifyAudio, classifyVideo } from '../../container/flv/classify.js';
import { HEADER_DATA_BYTES, HEADER_SLOTS, RecordKind } from '../../ring/layout.js';
import type { HeaderSlot } from '../../ring/ring-writer.js';
import type { TrackKind } from './timeline.js';

export const HEADER_KIND = { audio: RecordKind.audioHeader, video: RecordKind.videoHeader } as const;
export const TRACK_KIND: { readonly [kind in RecordKind]?: TrackKind } = {
	[RecordKind.audioHeader]: 'audio',
	[RecordKind.videoHeader]: 'video',
};
/** For present viewers a configuration is one more tag of its track: it starts no new decoder. */
export const CONFIGURATION_KIND: { readonly [kind in RecordKind]?: RecordKind } = {
	[RecordKind.audioHeader]: RecordKind.audio,
	[RecordKind.videoHeader]: RecordKind.video,
};

/** Metadata, a sequence header, or what else a track needs to be shown rightly (colour metadata, channel layout). */
export type StreamHeader = HeaderSlot & { isConfiguration: boolean };

/** The finding of `put`: the very bytes that were there, nothing there yet, or other bytes. */
export type HeaderChange = 'same' | 'added' | 'changed';

/** The headers that a late viewer gets first. Each track has at most one sequence header and one configuration. */
export class HeaderSet {
	readonly #headers = new Map<string, StreamHeader>();

	/** Takes over what a ring holds. */
	constructor(slots: readonly HeaderSlot[] = []) {
		for (const slot of slots) {
			const header = { ...slot, isConfiguration: isConfiguration(slot) };
			this.#headers.set(keyOf(header), header);
		}
	}

	/** Keeps `header` with a copy of its body, unless those bytes are known already. */
	put(header: StreamHeader): HeaderChange {
		const key = keyOf(header);
		const known = this.#headers.get(key);
		if (known !== undefined && Buffer.compare(known.body, header.body) === 0) {
			return 'same';
		}
		this.#headers.set(key, { ...header, body: Uint8Array.from(header.body) });
		return known === undefined ? 'added' : 'changed';
	}

	/** Forgets the headers of a kind. @returns whether there were any. */
	removeKind(kind: RecordKind): boolean {
		const before = this.#headers.size;
		for (const [key, header] of [...this.#headers]) {
			if (header.kind === kind) {
				this.#headers.delete(key);
			}
		}
		return this.#headers.size < before;
	}

	/** Metadata, then video, then audio; a track's sequence header in front of its configuration. */
	list(): StreamHeader[] {
		const keys = [...this.#headers.keys()].sort();
		return keys.map((key) => this.#headers.get(key)!);
	}

	/**
	 * Returns the part of `list` that fits into a ring's header: all of it, if need be without metadata, at worst the
	 * first tracks only.
	 */
	fitting(): StreamHeader[] {
		const all = this.list();
		const headers = fits(all) ? all : all.filter(({ kind }) => kind !== RecordKind.script);
		while (!fits(headers)) {
			headers.pop();
		}
		return headers;
	}
}

function fits(slots: readonly HeaderSlot[]): boolean {
	return slots.length <= HEADER_SLOTS && slots.reduce((sum, slot) => sum + slot.body.length, 0) <= HEADER_DATA_BYTES;
}

const ORDER: { readonly [kind in RecordKind]?: number } = {
	[RecordKind.script]: 0,
	[RecordKind.videoHeader]: 1,
	[RecordKind.audioHeader]: 2,
};

/** Sorts as `list` orders. */
function keyOf({ kind, trackId, isConfiguration }: StreamHeader): string {
	return `${ORDER[kind]}:${String(trackId).padStart(3, '0')}:${isConfiguration ? 1 : 0}`;
}

function isConfiguration({ kind, body }: HeaderSlot): boolean {
	return (
		(kind === RecordKind.videoHeader && classifyVideo(body).role === 'configuration') ||
		(kind === RecordKind.audioHeader && classifyAudio(body).role === 'configuration')
	);
}
