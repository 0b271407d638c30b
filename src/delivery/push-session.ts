import { type Reason, reasonOf } from '../errors.js';
import type { Protocol } from '../protocol/protocols.js';
import { type StreamName, streamLabels } from '../stream-name.js';
import type { DeliveryServices } from './delivery-services.js';
import type { PushChannel, PushListener } from './push-gate.js';
import { reportSessionEnd, type SessionFacts } from './session-end.js';

/** The difference between the ways of pushing FLV. */
export type PushWire = {
	readonly protocol: Protocol;
	readonly address: string;
	/** The publication may begin: hand what comes to `session.take`. */
	open(session: PushSession): void;
	pause(): void;
	resume(): void;
	/** The publication is over or was refused: answer and close. */
	close(error: Reason): void;
};

/** The stream that a peer wants to publish. */
export type PushTarget = { name: StreamName; query: string };

/** One publisher by HTTP or WebSocket: its bytes go to an ingest thread as they come, the verdict comes back. */
export class PushSession implements PushListener {
	readonly #services: DeliveryServices;
	readonly #wire: PushWire;
	readonly #facts: SessionFacts;
	readonly #onOver: (session: PushSession) => void;
	#push: PushChannel | null = null;
	#bytesIn = 0;
	#over = false;

	constructor(
		services: DeliveryServices,
		wire: PushWire,
		{ name }: PushTarget,
		onOver: (session: PushSession) => void,
	) {
		this.#services = services;
		this.#wire = wire;
		this.#onOver = onOver;
		const { protocol, address } = wire;
		this.#facts = { protocol, role: 'publisher', address, ...streamLabels(name), startedAtMs: performance.now() };
	}

	/** Asks for the verdict. */
	start({ name, query }: PushTarget): void {
		this.#services.counters.add('sessionsAccepted', 1);
		const { protocol, address } = this.#wire;
		const push = this.#services.pushes.open(name, { protocol, address, query }, this);
		if (push === null) {
			this.#end(reasonOf('SERVER_STOPPING', 'no ingest thread is running'));
		}
		this.#push = push;
	}

	/** Takes bytes of the peer, which are not modified afterwards. */
	take(bytes: Uint8Array): void {
		this.#bytesIn += bytes.length;
		if (this.#push?.write(bytes) === false) {
			this.#wire.pause();
		}
	}

	/** The peer has sent everything. */
	finish(): void {
		this.#push?.finish();
	}

	/** The peer is gone, or is sent away. */
	abort(error: Reason): void {
		this.#push?.abort(error.code);
		this.#end(error);
	}

	granted(): void {
		this.#wire.open(this);
	}

	room(): void {
		this.#wire.resume();
	}

	closed(error: Reason): void {
		this.#end(error);
	}

	#end(error: Reason): void {
		if (this.#over) {
			return;
		}
		this.#over = true;
		this.#push = null;
		reportSessionEnd(this.#services, this.#facts, error, { bytesIn: this.#bytesIn, bytesOut: 0 });
		this.#onOver(this);
		this.#wire.close(error);
	}
}
