import type { ErrorCode } from '../../errors.js';
import type { Counters, StreamCounter } from '../../metrics/counters.js';
import { distance, type Position, RecordKind, StreamFlag } from '../../ring/layout.js';
import { LAPPED, type RecordBatch, RingReader } from '../../ring/ring-reader.js';
import type { StreamInfo } from '../thread-messages.js';
import { Audience } from './audience.js';
import { HubSubscriber, Lead, Standing } from './hub-subscriber.js';
import type { Piece } from './piece-cache.js';
import { PlayHeaders } from './play-headers.js';
import { StartPoint } from './start-point.js';
import type { SubscriberPort, Subscription } from './subscriber.js';

/** Most bytes of the ring that are copied and written at once, if a flush comes so late. */
const MAX_FLUSH_BYTES = 1024 * 1024;
/** Counter slot of all that has no slot of its own. */
const SHARED_SLOT = 0;

/** The services of the set that a hub belongs to. */
export type HubHost = {
	readonly counters: Counters;
	/** The hub has its first subscriber, or none any more. */
	occupied(hub: Hub): void;
	vacated(hub: Hub): void;
};

/**
 * Fans one stream out to its subscribers in one thread. A subscriber is a cursor, not a queue: those at the live edge whose
 * sockets are empty are written one shared Buffer per flush; the others go on from the ring, in shared pieces, when their
 * sockets drain; a subscriber that was lapped meanwhile goes on at the newest keyframe.
 *
 *   ring  ---[ start point ........ cursor of one behind ........ edge | new records ]--- tail
 *                                                                 all of `live` stand here
 */
export class Hub {
	readonly stream: StreamInfo;
	/** A subscriber is let go when nothing could be written to it for this long. */
	maxLagMs = 30_000;
	readonly #host: HubHost;
	readonly #audience = new Audience();
	#reader: RingReader;
	/** Up to here everything has been written to those at the live edge. */
	#edge: Position;
	/** The stream will get no more records. */
	#over = false;
	/** ... and `edge` is where it ends. */
	#complete = false;
	#slot: number;
	#nowMs = 0;
	readonly #headers = new PlayHeaders();
	readonly #startPoint = new StartPoint();

	constructor(stream: StreamInfo, host: HubHost) {
		this.stream = stream;
		this.#host = host;
		this.#reader = new RingReader(stream.ring);
		this.#edge = this.#reader.tail;
		this.#slot = stream.counterSlot;
	}

	get subscribers(): number {
		return this.#audience.size;
	}

	/** The position of the live edge. The hub waits for the ring to pass it. */
	get edge(): Position {
		return this.#edge;
	}

	get reader(): RingReader {
		return this.#reader;
	}

	/** True when the stream is over and all that is left is to let slow subscribers finish. */
	get complete(): boolean {
		return this.#complete;
	}

	/** Adds a subscriber. Everything that can be played is written before this returns. */
	subscribe(port: SubscriberPort): Subscription {
		const lane = this.#audience.laneFor(port);
		const subscriber = new HubSubscriber(this, port, lane);
		this.#audience.add(subscriber);
		port.socket.on('drain', subscriber.onDrain);
		this.#count(port.counters.current, 1);
		if (this.#audience.size === 1) {
			this.#host.occupied(this);
		}
		if (!this.#complete) {
			this.#nowMs = performance.now();
			if (!this.#audience.anyoneLive) {
				this.#edge = this.#reader.tail;
			}
			this.#serve(subscriber);
		}
		return subscriber;
	}

	/** Writes what is new to everyone who can take it. @returns the number of records. */
	flush(nowMs: number): number {
		this.#nowMs = nowMs;
		const records = this.#advanceEdge();
		const { apart } = this.#audience;
		for (let index = apart.length - 1; index >= 0; index--) {
			this.#serve(apart[index]!);
		}
		return records;
	}

	/** Serves subscribers that need no flush, and lets go of those that have been stuck for too long. */
	keepHouse(nowMs: number): void {
		this.#nowMs = nowMs;
		const { apart, lanes } = this.#audience;
		for (let index = apart.length - 1; index >= 0; index--) {
			const subscriber = apart[index]!;
			this.#serve(subscriber);
			if (subscriber.socket.writableLength > 0) {
				this.#checkLag(subscriber);
			}
		}
		this.#audience.prune();
		for (const lane of lanes) {
			lane.pieces.sweep();
		}
	}

	/** The stream's ring is another one now; cursors stay valid. */
	replaceRing(): void {
		const old = this.#reader;
		this.#reader = new RingReader(this.stream.ring);
		old.wake();
	}

	/** The stream is over: the next flush ends its subscribers. Its counter slot may be given to another stream from now on. */
	endStream(): void {
		this.#over = true;
		for (const subscriber of this.#audience.everyone()) {
			this.#count(subscriber.port.counters.current, -1);
			this.#host.counters.addStream(SHARED_SLOT, subscriber.port.counters.current, 1);
		}
		this.#slot = SHARED_SLOT;
	}

	/** Lets go of everyone with `code`. */
	closeAll(code: ErrorCode): void {
		for (const subscriber of this.#audience.everyone()) {
			this.#release(subscriber, code);
		}
	}

	/** The subscriber's socket has room again. */
	drained(subscriber: HubSubscriber): void {
		if (subscriber.standing === Standing.behind || subscriber.standing === Standing.waiting) {
			this.#nowMs = performance.now();
			this.#serve(subscriber);
		}
	}

	pause(subscriber: HubSubscriber): void {
		if (subscriber.standing === Standing.live) {
			this.#audience.toApart(subscriber, this.#edge, this.#nowMs);
		}
		if (subscriber.standing !== Standing.gone) {
			subscriber.standing = Standing.paused;
		}
	}

	resume(subscriber: HubSubscriber): void {
		if (subscriber.standing === Standing.paused) {
			subscriber.standing = Standing.waiting;
			this.#nowMs = performance.now();
			this.#serve(subscriber);
		}
	}

	/** Takes the subscriber out of every list. */
	forget(subscriber: HubSubscriber): void {
		if (subscriber.standing === Standing.gone) {
			return;
		}
		this.#audience.remove(subscriber);
		subscriber.socket.off('drain', subscriber.onDrain);
		this.#count(subscriber.port.counters.current, -1);
		if (this.#audience.size === 0) {
			this.#host.vacated(this);
		}
	}

	/** For a full socket: gives up a place that is gone, and a subscriber that has been like this for too long. */
	#checkLag(subscriber: HubSubscriber): void {
		if (subscriber.standing === Standing.behind && !this.#reader.isReadable(subscriber.cursor)) {
			this.#countSkip(subscriber);
			subscriber.standing = Standing.waiting;
		}
		const stuck = subscriber.started && subscriber.standing !== Standing.paused;
		if (stuck && this.#nowMs - subscriber.movedAtMs > this.maxLagMs) {
			this.#count('lagClosed', 1);
			this.forget(subscriber);
			subscriber.port.ended('SUBSCRIBER_LAGGING');
		}
	}

	#advanceEdge(): number {
		if (this.#complete) {
			return 0;
		}
		const over = this.#over || this.#reader.ended;
		const tail = this.#reader.tail;
		let records = 0;
		let ended = false;
		while (this.#audience.anyoneLive) {
			const batch = this.#reader.read(this.#edge, MAX_FLUSH_BYTES, this.#audience.liveRoom, tail);
			if (batch === LAPPED) {
				this.#lapLive();
			} else if (batch === null) {
				break;
			} else {
				records += batch.records.length;
				ended = batch.records.at(-1)!.kind === RecordKind.end;
				this.#writeLive(batch);
			}
		}
		this.#edge = tail;
		if (over || ended) {
			this.#complete = true;
			this.#endLive();
		}
		return records;
	}

	#writeLive(batch: RecordBatch): void {
		const from = this.#edge;
		this.#edge = batch.next;
		for (const lane of this.#audience.lanes) {
			const { live } = lane;
			if (live.length === 0) {
				continue;
			}
			const bytes = lane.format.encodeBatch(batch);
			if (lane.format.room !== undefined) {
				batch.room = { before: 0, after: 0 };
			}
			if (bytes.length === 0) {
				continue;
			}
			let written = 0;
			for (let index = live.length - 1; index >= 0; index--) {
				const subscriber = live[index]!;
				const { socket } = subscriber;
				if (socket.writableLength === 0) {
					socket.write(bytes);
					subscriber.bytesOut += bytes.length;
					written++;
				} else {
					this.#audience.toApart(subscriber, from, this.#nowMs);
				}
			}
			this.#count(lane.counters.bytesOut, bytes.length * written);
		}
	}

	/** This thread itself came too late: everyone at the live edge has to skip. */
	#lapLive(): void {
		for (const { live } of this.#audience.lanes) {
			for (let index = live.length - 1; index >= 0; index--) {
				this.#audience.toApart(live[index]!, this.#edge, this.#nowMs);
			}
		}
	}

	#endLive(): void {
		for (const { live } of this.#audience.lanes) {
			for (let index = live.length - 1; index >= 0; index--) {
				this.#release(live[index]!, 'STREAM_ENDED');
			}
		}
	}

	/** Brings one who is not at the live edge as far as its socket takes. */
	#serve(subscriber: HubSubscriber): void {
		if (subscriber.standing === Standing.waiting && subscriber.socket.writableLength === 0) {
			this.#place(subscriber);
		}
		while (subscriber.standing === Standing.behind && subscriber.socket.writableLength === 0) {
			const piece = this.#nextPiece(subscriber);
			if (piece === null) {
				break;
			}
			if (piece === LAPPED) {
				this.#countSkip(subscriber);
				this.#place(subscriber);
			} else if (subscriber.lead !== Lead.none && subscriber.headersVersion !== this.#reader.headersVersion) {
				this.#place(subscriber);
			} else {
				this.#writePiece(subscriber, piece);
			}
		}
		if (this.#complete && this.#isFinished(subscriber)) {
			this.#release(subscriber, 'STREAM_ENDED');
		} else if (this.#isAtEdge(subscriber)) {
			this.#audience.toLive(subscriber);
		}
	}

	/** Null at the edge, and in front of it: a subscriber that starts at a newer keyframe waits for the next flush. */
	#nextPiece(subscriber: HubSubscriber): Piece | typeof LAPPED | null {
		return subscriber.lane.pieces.pieceAt(this.#reader, subscriber.lane.format, subscriber.cursor, this.#edge);
	}

	/**
	 * True when the next flush is exactly what the subscriber needs next. A subscriber that needs headers first is not
	 * at the edge.
	 */
	#isAtEdge({ standing, cursor, lead }: HubSubscriber): boolean {
		return standing === Standing.behind && cursor === this.#edge && lead === Lead.none && !this.#complete;
	}

	/** True when the stream is over and nothing of it is left to write. */
	#isFinished(subscriber: HubSubscriber): boolean {
		const { standing } = subscriber;
		return (
			standing === Standing.waiting ||
			standing === Standing.paused ||
			(standing === Standing.behind && distance(subscriber.cursor, this.#edge) <= 0)
		);
	}

	/** Puts the subscriber at the newest start point, or lets it wait for one. */
	#place(subscriber: HubSubscriber): void {
		const version = this.#reader.headersVersion;
		const start = this.#startPoint.of(this.#reader, subscriber.started ? undefined : subscriber.port.resumeMs);
		if (start === null) {
			subscriber.standing = Standing.waiting;
			return;
		}
		if (subscriber.started && version !== subscriber.headersVersion) {
			subscriber.lead = Lead.headers;
		}
		subscriber.headersVersion = version;
		subscriber.cursor = start;
		subscriber.standing = Standing.behind;
		subscriber.movedAtMs = this.#nowMs;
	}

	#writePiece(subscriber: HubSubscriber, piece: Piece): void {
		const { socket } = subscriber;
		if (subscriber.lead === Lead.none) {
			this.#write(subscriber, piece.bytes);
		} else {
			socket.cork();
			this.#writeLead(subscriber, piece.firstDtsMs);
			this.#write(subscriber, piece.bytes);
			socket.uncork();
		}
		subscriber.cursor = piece.next;
		subscriber.movedAtMs = this.#nowMs;
	}

	#writeLead(subscriber: HubSubscriber, dtsMs: number): void {
		const { lane } = subscriber;
		const { version, slots } = this.#headers.read(this.#reader);
		if (subscriber.lead === Lead.headers) {
			this.#write(subscriber, lane.headerBytes(slots, dtsMs));
		} else {
			subscriber.started = true;
			subscriber.port.starting?.();
			const { flags } = this.#reader;
			const hasAudio = (flags & StreamFlag.hasAudio) !== 0;
			const hasVideo = (flags & StreamFlag.hasVideo) !== 0;
			this.#write(subscriber, lane.startBytes({ hasAudio, hasVideo, headers: slots, dtsMs }, version));
		}
		subscriber.lead = Lead.none;
	}

	#write(subscriber: HubSubscriber, bytes: Buffer): void {
		if (bytes.length > 0) {
			subscriber.socket.write(bytes);
			subscriber.bytesOut += bytes.length;
			this.#count(subscriber.lane.counters.bytesOut, bytes.length);
		}
	}

	#release(subscriber: HubSubscriber, code: ErrorCode): void {
		if (subscriber.started) {
			this.#write(subscriber, subscriber.lane.format.encodeEnd());
		}
		this.forget(subscriber);
		subscriber.port.ended(code);
	}

	#countSkip(subscriber: HubSubscriber): void {
		subscriber.skips++;
		this.#count('skips', 1);
	}

	#count(counter: StreamCounter, amount: number): void {
		this.#host.counters.addStream(this.#slot, counter, amount);
	}
}
