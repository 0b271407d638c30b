import type { Position } from '../../ring/layout.js';
import type { BatchRoom } from '../../ring/ring-reader.js';
import { type HubSubscriber, Standing } from './hub-subscriber.js';
import { Lane } from './lane.js';
import type { SubscriberPort } from './subscriber.js';

const NO_ROOM: BatchRoom = { before: 0, after: 0 };

/**
 * The subscribers of a hub in flat lists: one for each lane of those at the live edge, and one of everybody else. A member knows
 * its index; taking one out moves the last one to its place, so go through a list backwards while it may change.
 */
export class Audience {
	readonly lanes: Lane<HubSubscriber>[] = [];
	/** Everyone who is not at the live edge. */
	readonly apart: HubSubscriber[] = [];
	#size = 0;

	get size(): number {
		return this.#size;
	}

	get anyoneLive(): boolean {
		for (const { live } of this.lanes) {
			if (live.length > 0) {
				return true;
			}
		}
		return false;
	}

	/** The room around a batch that the first format at the live edge wants; only one can have it. */
	get liveRoom(): BatchRoom {
		for (const { live, format } of this.lanes) {
			if (live.length > 0 && format.room !== undefined) {
				return format.room;
			}
		}
		return NO_ROOM;
	}

	/** Returns the lane of the subscribers who want the same bytes as `port`. */
	laneFor(port: SubscriberPort): Lane<HubSubscriber> {
		let lane = this.lanes.find((candidate) => candidate.serves(port));
		if (lane === undefined) {
			lane = new Lane(port);
			this.lanes.push(lane);
		}
		return lane;
	}

	/** A new subscriber, not at the live edge. */
	add(subscriber: HubSubscriber): void {
		putIn(this.apart, subscriber);
		this.#size++;
		subscriber.lane.size++;
	}

	remove(subscriber: HubSubscriber): void {
		takeOut(subscriber.standing === Standing.live ? subscriber.lane.live : this.apart, subscriber);
		subscriber.standing = Standing.gone;
		this.#size--;
		subscriber.lane.size--;
	}

	/** Forgets the lanes that nobody is in. */
	prune(): void {
		for (let index = this.lanes.length - 1; index >= 0; index--) {
			if (this.lanes[index]!.size === 0) {
				this.lanes.splice(index, 1);
			}
		}
	}

	toLive(subscriber: HubSubscriber): void {
		takeOut(this.apart, subscriber);
		subscriber.standing = Standing.live;
		putIn(subscriber.lane.live, subscriber);
	}

	/** One who was live is behind from `cursor` on. */
	toApart(subscriber: HubSubscriber, cursor: Position, nowMs: number): void {
		takeOut(subscriber.lane.live, subscriber);
		subscriber.standing = Standing.behind;
		subscriber.cursor = cursor;
		subscriber.movedAtMs = nowMs;
		putIn(this.apart, subscriber);
	}

	everyone(): HubSubscriber[] {
		return [...this.apart, ...this.lanes.flatMap((lane) => lane.live)];
	}
}

function putIn(list: HubSubscriber[], subscriber: HubSubscriber): void {
	subscriber.index = list.length;
	list.push(subscriber);
}

function takeOut(list: HubSubscriber[], subscriber: HubSubscriber): void {
	const last = list.pop()!;
	if (last !== subscriber) {
		list[subscriber.index] = last;
		last.index = subscriber.index;
	}
}
