import type { StreamDirectory } from '../stream/directory.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';
import { LiveSource } from './source.js';

/** A stream that has ended can be watched to its end for this long. */
const RETAIN_MS = 60_000;

type Entry = { streamId: number; source: LiveSource; forget: NodeJS.Timeout | undefined };

/** The live streams that viewers of this thread have asked for. */
export class LiveSources {
	readonly #directory: StreamDirectory;
	readonly #entries = new Map<string, Entry>();

	constructor(directory: StreamDirectory) {
		this.#directory = directory;
		directory.listen({
			partsReplaced: ({ streamId, name, parts }) => {
				const entry = this.#entries.get(name.key);
				if (entry?.streamId === streamId && parts !== undefined) {
					entry.source.replaceRing(parts);
				}
			},
			ended: (stream) => this.#ended(stream),
		});
	}

	/** The source of a stream that is live, or was until a moment ago. Null when it is not packaged. */
	get(name: StreamName): LiveSource | null {
		const key = name.key;
		const entry = this.#entries.get(key);
		const stream = this.#directory.get(name);
		if (stream?.parts === undefined || stream.streamId === entry?.streamId) {
			return entry?.source ?? null;
		}
		this.#forget(key);
		const source = new LiveSource(stream.parts);
		this.#entries.set(key, { streamId: stream.streamId, source, forget: undefined });
		return source;
	}

	/** Lets everybody go who waits. */
	close(): void {
		for (const key of [...this.#entries.keys()]) {
			this.#forget(key);
		}
	}

	#ended({ streamId, name }: StreamInfo): void {
		const key = name.key;
		const entry = this.#entries.get(key);
		if (entry?.streamId === streamId) {
			entry.source.streamEnded();
			entry.forget = setTimeout(() => this.#forget(key), RETAIN_MS);
		}
	}

	#forget(key: string): void {
		const entry = this.#entries.get(key);
		clearTimeout(entry?.forget);
		entry?.source.close();
		this.#entries.delete(key);
	}
}
