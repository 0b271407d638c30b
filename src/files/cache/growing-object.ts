import type { IncomingMessage } from 'node:http';
import { PeerError } from '../../errors.js';
import type { GrowingBody, Piece } from '../../live/answer.js';

type Reading = { index: number; reply: (piece: Piece) => void };

/**
 * The body of an answer that an upstream is still making, for all in this thread who want it. It is kept whole until it
 * has ended, and a late reader begins at its beginning. When the last reader leaves before, the upstream's work is
 * called off.
 */
export class GrowingObject implements GrowingBody {
	readonly #onAbandoned: () => void;
	readonly #gone = new AbortController();
	readonly #pieces: Buffer[] = [];
	readonly #waiting = new Set<Reading>();
	#readers = 0;
	#sizeBytes = 0;
	#end: 'end' | 'lost' | null = null;

	/** @param onAbandoned called when the last reader has left too early. */
	constructor(onAbandoned: () => void) {
		this.#onAbandoned = onAbandoned;
	}

	/** Aborted when nobody wants it any more. */
	get signal(): AbortSignal {
		return this.#gone.signal;
	}

	/** Another reader. @returns what says that it has left. */
	join(): () => void {
		this.#readers += 1;
		return () => {
			this.#readers -= 1;
			if (this.#readers === 0 && this.#end === null) {
				this.#onAbandoned();
				this.#gone.abort();
			}
		};
	}

	/** Reads `response` to its end. Rejects when that does not come, or more than `maxBytes` do; `onBytes` is told of each piece. */
	async read(response: IncomingMessage, maxBytes: number, onBytes: (bytes: number) => void): Promise<void> {
		for await (const piece of response as AsyncIterable<Buffer>) {
			this.#sizeBytes += piece.length;
			if (this.#sizeBytes > maxBytes) {
				throw new PeerError('UPSTREAM_FAILED', 'a segment that does not end');
			}
			onBytes(piece.length);
			this.#pieces.push(piece);
			this.#look();
		}
		this.settle('end');
	}

	/** Nothing more comes. */
	settle(end: 'end' | 'lost'): void {
		this.#end ??= end;
		this.#look();
	}

	piece(index: number, reply: (piece: Piece) => void): () => void {
		const reading = { index, reply };
		this.#waiting.add(reading);
		this.#tell(reading);
		return () => this.#waiting.delete(reading);
	}

	#look(): void {
		for (const reading of [...this.#waiting]) {
			this.#tell(reading);
		}
	}

	#tell(reading: Reading): void {
		const piece = this.#pieces[reading.index] ?? this.#end;
		if (piece !== null && this.#waiting.delete(reading)) {
			reading.reply(piece);
		}
	}
}
