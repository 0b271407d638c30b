import type { Socket } from 'node:net';
import { peerAddress } from '../access/address.js';
import { policyOf } from '../config/policy.js';
import { type ErrorCode, type Reason, reasonOf } from '../errors.js';
import type { Protocol } from '../protocol/protocols.js';
import type { SubscriberPort, Subscription, WireFormat } from '../stream/play/subscriber.js';
import type { WantedStream } from '../stream/stream-finder.js';
import type { StreamInfo } from '../stream/thread-messages.js';
import { streamLabels } from '../stream-name.js';
import type { DeliveryServices } from './delivery-services.js';
import { reportSessionEnd } from './session-end.js';

/** After the end, a peer has this long to take what is left for it. */
const LINGER_MS = 5000;

/** The difference between the ways of carrying FLV to a viewer. */
export type PlayWire = {
	readonly protocol: Protocol;
	readonly format: WireFormat;
	readonly counters: SubscriberPort['counters'];
	/** There is something to play: answer the request. */
	open(socket: Socket): void;
	/** There is nothing to play after all: refuse the request, which has not been answered, and close. */
	refuse(socket: Socket, error: Reason): void;
	/** The media is over; close. */
	finish(socket: Socket, code: ErrorCode): void;
};

/** One viewer of a live stream by HTTP or WebSocket, on a socket that belongs to it alone. */
export class PlaySession implements SubscriberPort {
	readonly socket: Socket;
	readonly resumeMs: number | undefined;
	readonly #services: DeliveryServices;
	readonly #wire: PlayWire;
	readonly #stream: StreamInfo;
	readonly #address: string;
	readonly #startedAtMs = performance.now();
	#subscription: Subscription | null = null;
	#ended = false;

	constructor(
		services: DeliveryServices,
		wire: PlayWire,
		socket: Socket,
		stream: StreamInfo,
		{ resumeMs }: Pick<PlayTarget, 'resumeMs'>,
	) {
		this.resumeMs = resumeMs;
		this.#services = services;
		this.#wire = wire;
		this.socket = socket;
		this.#stream = stream;
		this.#address = peerAddress(socket);
		socket.on('error', hangUp);
		socket.on('end', hangUp);
		socket.on('close', () => this.#end(reasonOf('PEER_GONE')));
		socket.resume();
	}

	get format(): WireFormat {
		return this.#wire.format;
	}

	get counters(): SubscriberPort['counters'] {
		return this.#wire.counters;
	}

	/** Subscribes; if the stream has nothing to show yet, waits for that as long as play.waitTimeout. */
	start(): void {
		const subscription = this.#services.hubs.of(this.#stream).subscribe(this);
		this.#subscription = subscription;
		if (!subscription.started) {
			const { waitTimeout } = policyOf(this.#services.config, this.#stream.name).play;
			setTimeout(() => {
				if (!subscription.started) {
					this.#end(reasonOf('STREAM_NOT_FOUND', 'no media'));
				}
			}, waitTimeout).unref();
		}
	}

	starting(): void {
		this.#wire.open(this.socket);
	}

	ended(code: ErrorCode): void {
		this.#end(reasonOf(code));
	}

	#end(error: Reason): void {
		const subscription = this.#subscription;
		if (this.#ended || subscription === null) {
			return;
		}
		this.#ended = true;
		subscription.close();
		const { socket } = this;
		if (!socket.destroyed) {
			if (subscription.started) {
				this.#wire.finish(socket, error.code);
			} else {
				this.#wire.refuse(socket, error);
			}
			setTimeout(() => socket.destroy(), LINGER_MS).unref();
		}
		const facts = {
			protocol: this.#wire.protocol,
			role: 'player',
			address: this.#address,
			...streamLabels(this.#stream.name),
		} as const;
		const { bytesOut, skips } = subscription;
		const traffic = { bytesIn: 0, bytesOut, skips };
		reportSessionEnd(this.#services, { ...facts, startedAtMs: this.#startedAtMs }, error, traffic);
	}
}

/** A viewer that has closed its side has left; 'close' follows. */
function hangUp(this: Socket): void {
	this.destroy();
}

/** The stream that a viewer's request asks for. */
export type PlayTarget = WantedStream;

/** The stream that a viewer asks for, or why it does not get one. `onGone` is given what to call when the viewer leaves. */
export async function findStream(
	{ finder, config, internal }: Pick<DeliveryServices, 'finder' | 'config' | 'internal'>,
	target: PlayTarget,
	onGone: (giveUp: () => void) => void,
): Promise<StreamInfo | Reason> {
	const policy = policyOf(config, target.name).play;
	// Another process of this server has the viewers, and waits for them by asking again.
	const play = internal ? { ...policy, missing: '404' as const } : policy;
	let found = finder.findNow(target, play);
	if (found === null) {
		const waiting = new AbortController();
		onGone(() => waiting.abort());
		found = await finder.wait(target, play, waiting.signal);
	}
	return found.stream ?? { code: found.code, message: found.message ?? reasonOf(found.code).message };
}
