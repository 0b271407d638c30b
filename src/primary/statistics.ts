import type { Logger } from '../log/logger.js';
import { FILE_COUNTERS, type FileCounter } from '../metrics/counters.js';
import type { ProcessSnapshot } from '../metrics/snapshot.js';
import { sum } from '../metrics/stream-counts.js';
import type { ProcessPort } from '../process/process-port.js';
import { VIEWER_PROTOCOLS } from '../protocol/protocols.js';

/** Bits in a byte, milliseconds in a second: bytes per millisecond are this many kbit/s. */
const KBIT_PER_BYTE_MS = 8;

type Traffic = { atMs: number; bytesIn: number; bytesOut: number; files: Record<FileCounter, number> };

/** Logs, every `intervalMs`, what all role processes do together: the figures of /metrics, traffic as a rate. */
export class Statistics {
	readonly #ports: () => readonly ProcessPort[];
	readonly #log: Logger;
	readonly #timer: NodeJS.Timeout;
	#before: Traffic = { atMs: performance.now(), bytesIn: 0, bytesOut: 0, files: fileCounts([]) };

	constructor(ports: () => readonly ProcessPort[], intervalMs: number, log: Logger) {
		this.#ports = ports;
		this.#log = log;
		this.#timer = setInterval(() => void this.#report(), intervalMs).unref();
	}

	close(): void {
		clearInterval(this.#timer);
	}

	async #report(): Promise<void> {
		const answers = await Promise.allSettled(this.#ports().map((port) => port.snapshot()));
		const snapshots = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
		this.#log.info(this.#figures(snapshots, performance.now()), 'statistics');
	}

	#figures(snapshots: readonly ProcessSnapshot[], atMs: number): Record<string, number | Record<string, number>> {
		const subscribers = VIEWER_PROTOCOLS.map((protocol): [string, number] => [
			protocol,
			sum(snapshots, ({ totals }) => totals.subscribers[protocol]),
		]);
		const now: Traffic = {
			atMs,
			bytesIn: sum(snapshots, ({ totals }) => totals.counts.bytesIn),
			bytesOut: sum(snapshots, ({ totals }) => sum(VIEWER_PROTOCOLS, (protocol) => totals.counts.bytesOut[protocol])),
			files: fileCounts(snapshots),
		};
		const before = this.#before;
		this.#before = now;
		// A process that was replaced, or was silent this time, counts anew.
		const rate = (name: 'bytesIn' | 'bytesOut'): number =>
			Math.round((Math.max(0, now[name] - before[name]) * KBIT_PER_BYTE_MS) / (now.atMs - before.atMs));
		const streams = new Set(snapshots.flatMap(({ streams }) => streams.map(({ name }) => name.key)));
		return {
			viewers: sum(subscribers, ([, count]) => count),
			...Object.fromEntries(subscribers),
			streams: streams.size,
			inKbps: rate('bytesIn'),
			outKbps: rate('bytesOut'),
			upstreamLosses: sum(snapshots, ({ totals }) => totals.pullLosses),
			continued: sum(snapshots, ({ totals }) => totals.pullContinuations),
			spliced: sum(snapshots, ({ totals }) => totals.pullSplices),
			...fileFigures(before, now),
			processes: snapshots.length,
		};
	}
}

function fileCounts(snapshots: readonly ProcessSnapshot[]): Traffic['files'] {
	const counts = FILE_COUNTERS.map((name) => [name, sum(snapshots, ({ totals }) => totals.files[name])]);
	return Object.fromEntries(counts) as Traffic['files'];
}

/** Returns the work on files since `before`; empty when there was none. */
function fileFigures(before: Traffic, now: Traffic): Record<string, number> {
	const since = (...names: FileCounter[]): number =>
		sum(names, (name) => Math.max(0, now.files[name] - before.files[name]));
	const requests = since('fileRequests2xx', 'fileRequests3xx', 'fileRequests4xx', 'fileRequests5xx');
	if (requests === 0) {
		return {};
	}
	const kbps = (bytes: number): number => Math.round((bytes * KBIT_PER_BYTE_MS) / (now.atMs - before.atMs));
	return {
		fileRequests: requests,
		fileErrors: since('fileRequests5xx'),
		filesOutKbps: kbps(since('fileBytesOut')),
		cacheHits: since('fileCacheHits', 'fileCacheStale'),
		upstreamRequests: since('fileUpstreamRequests'),
		filesInKbps: kbps(since('fileUpstreamBytes')),
	};
}
