import type { Tag } from '#src/tools/load/flv-scanner.js';
import { Viewer } from '#src/tools/load/viewer.js';
import { readStamp, sharedMs } from './time-stamp.js';

const latenciesMs: number[] = [];
const viewers: Viewer[] = [];

/** The process that holds the viewers of latency.ts. */
process.on('message', (order: { url: string; viewers: number; warmUpMs: number } | 'report') => {
	if (order === 'report') {
		const failures = viewers.map((viewer) => viewer.failure).filter((failure) => failure !== null);
		process.send?.({ failures, latenciesMs });
		return;
	}
	const countsFromMs = performance.now() + order.warmUpMs;
	const onTag = (tag: Tag, readAtMs: number): void => {
		const sentAtMs = readStamp(tag);
		if (sentAtMs !== null && readAtMs > countsFromMs) {
			latenciesMs.push(sharedMs(readAtMs) - sentAtMs);
		}
	};
	for (let n = 0; n < order.viewers; n++) {
		viewers.push(new Viewer({ url: new URL(order.url), checked: true, stepMs: {}, onTag }));
	}
});
