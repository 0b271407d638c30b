import type { MessagePort } from 'node:worker_threads';
import type { Config } from '../config/schema.js';
import { FlvReader } from '../container/flv/reader.js';
import { assert, type ErrorCode, peerErrorOf, reasonOf } from '../errors.js';
import { Held } from '../stream/publish/held.js';
import type { Publication } from '../stream/publish/publication.js';
import type { PublishRequests } from '../stream/publish/publish-requests.js';
import { PUSH_WINDOW_BYTES, type PushToDelivery, type PushToIngest } from '../stream/thread-messages.js';

/** Acknowledgements are saved up to this much. The sender has at least three more times this under way. */
const ACK_BYTES = PUSH_WINDOW_BYTES / 4;

type Push = {
	reader: FlvReader | null;
	publication: Publication | null;
	/** Bytes that came before the verdict. */
	early: Held<Uint8Array>;
	/** The peer has sent everything, or is gone. */
	endedWith: ErrorCode | null;
	unacknowledged: number;
};

export type PushReceiverOptions = { port: MessagePort; requests: PublishRequests; config: Config };

/**
 * The ingest side of the pushes of one delivery thread: bytes of HTTP bodies and WebSocket frames come in, and are parsed here.
 * Every push that is granted gets exactly one `push-close`, except when the delivery thread itself is gone.
 */
export class PushReceiver {
	readonly #port: MessagePort;
	readonly #requests: PublishRequests;
	readonly #pushes = new Map<number, Push>();
	config: Config;

	constructor({ port, requests, config }: PushReceiverOptions) {
		this.#port = port;
		this.#requests = requests;
		this.config = config;
		port.on('message', (message: PushToIngest) => this.#handle(message));
		port.on('close', () => this.#portGone());
	}

	/** Pushes that are asked for or under way. */
	get pushes(): number {
		return this.#pushes.size;
	}

	/** Forgets the delivery thread, which has been replaced: its pushes are lost. */
	close(): void {
		this.#port.close();
	}

	#handle(message: PushToIngest): void {
		const { pushId } = message;
		if (message.type === 'push-open') {
			void this.#open(message);
			return;
		}
		const push = this.#pushes.get(pushId);
		if (push === undefined) {
			return; // refused or closed meanwhile
		}
		if (message.type === 'push-data') {
			this.#data(pushId, push, message.bytes);
			return;
		}
		push.endedWith = message.code ?? 'STREAM_ENDED';
		if (push.publication !== null) {
			this.#end(pushId, push, push.endedWith);
		}
	}

	async #open({ pushId, name, publisher }: PushToIngest & { type: 'push-open' }): Promise<void> {
		const early = new Held<Uint8Array>(PUSH_WINDOW_BYTES, (bytes) => this.#data(pushId, push, bytes));
		const push: Push = { reader: null, publication: null, early, endedWith: null, unacknowledged: 0 };
		this.#pushes.set(pushId, push);
		try {
			push.publication = await this.#requests.open(name, publisher, (code, message) =>
				this.#forget(pushId, push, code, message),
			);
		} catch (error) {
			const { code, message } = peerErrorOf(error);
			this.#pushes.delete(pushId);
			const verdict = { granted: false as const, code, message };
			this.#post({ type: 'push-verdict', pushId, verdict });
			return;
		}
		if (this.#pushes.get(pushId) !== push) {
			push.publication.close('PEER_GONE');
			return;
		}
		this.#post({ type: 'push-verdict', pushId, verdict: { granted: true } });
		const { publication } = push;
		push.reader = new FlvReader(
			{ tag: (tagType, timestampMs, body) => publication.push(tagType, timestampMs, body) },
			this.config.limits.maxMessageSize,
		);
		push.early.release();
		if (push.endedWith !== null) {
			this.#end(pushId, push, push.endedWith);
		}
	}

	#data(pushId: number, push: Push, bytes: Uint8Array): void {
		const { reader } = push;
		if (reader === null) {
			const isWithin = push.early.hold(bytes, bytes.length);
			assert(isWithin, 'a delivery thread keeps to the window of a push');
			return;
		}
		try {
			reader.push(bytes);
		} catch (error) {
			const { code, message } = peerErrorOf(error);
			this.#end(pushId, push, code, message);
			return;
		}
		push.unacknowledged += bytes.length;
		if (push.unacknowledged >= ACK_BYTES && this.#pushes.has(pushId)) {
			this.#post({ type: 'push-ack', pushId, bytes: push.unacknowledged });
			push.unacknowledged = 0;
		}
	}

	/** Ends the publication from this side. */
	#end(pushId: number, push: Push, code: ErrorCode, message = reasonOf(code).message): void {
		this.#forget(pushId, push, code, message);
		push.publication?.close(code);
	}

	#forget(pushId: number, push: Push, code: ErrorCode, message: string): void {
		if (this.#pushes.get(pushId) === push) {
			this.#pushes.delete(pushId);
			this.#post({ type: 'push-close', pushId, code, message });
		}
	}

	#portGone(): void {
		const lost = [...this.#pushes.values()];
		this.#pushes.clear();
		for (const push of lost) {
			push.publication?.close('PEER_GONE');
		}
	}

	#post(message: PushToDelivery): void {
		this.#port.postMessage(message);
	}
}
