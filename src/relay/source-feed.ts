import { FlvReader } from '../container/flv/reader.js';
import { peerErrorOf } from '../errors.js';
import { endOfError, type Source, type SourceEnd, type SourceEvents } from './source.js';

/**
 * The common part of every kind of source: hands on what arrives until it is over, tells the end once, and hangs up.
 */
export class SourceFeed implements Source {
	answered = false;
	bytesIn = 0;
	readonly #events: SourceEvents;
	readonly #hangUp: () => void;
	#over = false;

	/** `hangUp` ends the connection at once. Bytes that it brings afterwards are not handed on. */
	constructor(events: SourceEvents, hangUp: () => void) {
		this.#events = events;
		this.#hangUp = hangUp;
	}

	get isOver(): boolean {
		return this.#over;
	}

	close(): void {
		this.#over = true;
		this.#hangUp();
	}

	/** A tag has arrived; `body` is borrowed until return. */
	tag(tagType: number, timestampMs: number, body: Uint8Array): void {
		if (!this.#over) {
			this.#events.tag(tagType, timestampMs, body);
		}
	}

	end(end: SourceEnd): void {
		if (!this.#over) {
			this.close();
			this.#events.over(end);
		}
	}

	/** The connection has failed. */
	fail(error: Error): void {
		this.end(endOfError(error, this.answered));
	}

	/** Takes an FLV file in pieces of any size. What is wrong with it is the end of the source. */
	flv(maxMessageBytes: number): (bytes: Uint8Array) => void {
		const reader = new FlvReader({ tag: (...tag) => this.tag(...tag) }, maxMessageBytes);
		return (bytes) => {
			if (this.#over) {
				return;
			}
			this.bytesIn += bytes.length;
			try {
				reader.push(bytes);
			} catch (error) {
				this.fail(peerErrorOf(error));
			}
		};
	}
}
