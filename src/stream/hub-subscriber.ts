import type { Socket } from 'node:net';
import type { Position } from '../ring/layout.js';
import type { Hub } from './hub.js';
import type { Lane } from './lane.js';
import type { SubscriberPort, Subscription } from './subscriber.js';

/**
 * Where a subscriber stands.
 *
 *   waiting --start point--> behind --edge reached--> live
 *    ^   ^                   |    ^                    |
 *    |   +-----lapped--------+    +--socket is full----+
 *    +--resume-- paused
 */
export const Standing = { waiting: 0, behind: 1, live: 2, paused: 3, gone: 4 } as const;
export type Standing = (typeof Standing)[keyof typeof Standing];

/** What must be written in front of the next piece: everything that a beginner needs, or sequence headers that have changed. */
export const Lead = { none: 0, start: 1, headers: 2 } as const;
export type Lead = (typeof Lead)[keyof typeof Lead];

/** A subscriber of one hub: a cursor and a few numbers, whatever its network does. Its fields belong to the hub. */
export class HubSubscriber implements Subscription {
	readonly port: SubscriberPort;
	readonly socket: Socket;
	readonly lane: Lane;
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
	readonly #hub: Hub;

	constructor(hub: Hub, port: SubscriberPort, lane: Lane) {
		this.#hub = hub;
		this.port = port;
		this.socket = port.socket;
		this.lane = lane;
		this.onDrain = () => hub.drained(this);
	}

	pause(): void {
		this.#hub.pause(this);
	}

	resume(): void {
		this.#hub.resume(this);
	}

	close(): void {
		this.#hub.forget(this);
	}
}
