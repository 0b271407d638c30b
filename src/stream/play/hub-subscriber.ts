import type { Socket } from 'node:net';
import type { Position } from '../../ring/layout.js';
import type { Lane } from './lane.js';
import type { SubscriberPort, Subscription } from './subscriber.js';

/**
 * The state of a subscriber.
 *
 *   waiting --start point--> behind --edge reached--> live
 *    ^   ^                   |    ^                    |
 *    |   +-----lapped--------+    +--socket is full----+
 *    +--resume-- paused
 */
export const Standing = { waiting: 0, behind: 1, live: 2, paused: 3, gone: 4 } as const;
export type Standing = (typeof Standing)[keyof typeof Standing];

/**
 * The bytes that must be written in front of the next piece: everything that a beginner needs, or sequence headers that
 * have changed.
 */
export const Lead = { none: 0, start: 1, headers: 2 } as const;
export type Lead = (typeof Lead)[keyof typeof Lead];

/** The calls of a subscriber to its hub. */
export type SubscriberHost = {
	/** Its socket has sent everything. */
	drained(subscriber: HubSubscriber): void;
	pause(subscriber: HubSubscriber): void;
	resume(subscriber: HubSubscriber): void;
	forget(subscriber: HubSubscriber): void;
};

/** A subscriber of one hub: a cursor and a few numbers, however slow its network is. Its fields belong to the hub. */
export class HubSubscriber implements Subscription {
	readonly port: SubscriberPort;
	readonly socket: Socket;
	readonly lane: Lane<HubSubscriber>;
	readonly onDrain: () => void;
	standing: Standing = Standing.waiting;
	lead: Lead = Lead.start;
	/** Meaningful while behind; at the live edge the hub's own edge is the cursor. */
	cursor: Position = 0;
	/** Index in the Audience's list that holds it. */
	index = 0;
	/** Version of the sequence headers that it has been told, or is about to be. */
	headersVersion = -1;
	started = false;
	bytesOut = 0;
	skips = 0;
	/** When it fell behind, or since then last had room for another piece. */
	movedAtMs = 0;
	readonly #host: SubscriberHost;

	constructor(host: SubscriberHost, port: SubscriberPort, lane: Lane<HubSubscriber>) {
		this.#host = host;
		this.port = port;
		this.socket = port.socket;
		this.lane = lane;
		this.onDrain = () => host.drained(this);
	}

	pause(): void {
		this.#host.pause(this);
	}

	resume(): void {
		this.#host.resume(this);
	}

	close(): void {
		this.#host.forget(this);
	}
}
