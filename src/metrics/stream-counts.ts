import { VIEWER_PROTOCOLS, type ViewerProtocol } from '../protocol/protocols.js';
import { Figure } from '../ring/layout.js';
import type { RingReader } from '../ring/ring-reader.js';

/** Counts of a stream that its ring keeps: the names are those of Figure in ring/layout.ts. */
export const RING_COUNTS = [
	'bytesIn',
	'audioFrames',
	'videoFrames',
	'keyframes',
	'repairedTimestamps',
	'droppedFrames',
	'splices',
] as const;

export type StreamCounts = Record<(typeof RING_COUNTS)[number] | 'skips' | 'lagClosed', number> & {
	bytesOut: Record<ViewerProtocol, number>;
};

/** Reads the counts of a stream from its ring. */
export function ringCounts(ring: RingReader): StreamCounts {
	const counts = zeroCounts();
	for (const name of RING_COUNTS) {
		counts[name] = ring.figure(Figure[name]);
	}
	return counts;
}

export function zeroCounts(): StreamCounts {
	const ring = Object.fromEntries(RING_COUNTS.map((name) => [name, 0])) as Record<(typeof RING_COUNTS)[number], number>;
	return { ...ring, skips: 0, lagClosed: 0, bytesOut: byProtocol(() => 0) };
}

export function addCounts(into: StreamCounts, counts: StreamCounts): void {
	for (const name of [...RING_COUNTS, 'skips', 'lagClosed'] as const) {
		into[name] += counts[name];
	}
	addByProtocol(into.bytesOut, counts.bytesOut);
}

export function byProtocol(value: (protocol: ViewerProtocol) => number): Record<ViewerProtocol, number> {
	return Object.fromEntries(VIEWER_PROTOCOLS.map((protocol) => [protocol, value(protocol)])) as Record<
		ViewerProtocol,
		number
	>;
}

export function addByProtocol(into: Record<ViewerProtocol, number>, values: Record<ViewerProtocol, number>): void {
	for (const protocol of VIEWER_PROTOCOLS) {
		into[protocol] += values[protocol];
	}
}

export function sum<T>(items: readonly T[], value: (item: T) => number): number {
	return items.reduce((total, item) => total + value(item), 0);
}
