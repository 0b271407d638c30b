import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../errors.js';
import { Counters } from '../metrics/counters.js';
import type { CoordinatorToThread, ThreadData, ThreadToCoordinator } from '../stream/thread-messages.js';

/** A role of one thread. It does not know that it runs in one: it is built with its data and a way to talk back. */
export type ThreadRole = {
	/** Starts to listen; resolves when connections are accepted. */
	start(): Promise<void>;
	/** A message of the coordinator. Must not throw for a message about something already gone. */
	handle(message: CoordinatorToThread): void;
};

export type SendToCoordinator = (message: ThreadToCoordinator) => void;

const HEARTBEAT_INTERVAL_MS = 1000;

/** Entry of every role thread: builds the role, wires its messages and its heartbeat. A throw anywhere ends the thread. */
export async function runThread(make: (data: ThreadData, send: SendToCoordinator) => ThreadRole): Promise<void> {
	const port = parentPort;
	assert(port !== null, 'a role runs in a worker thread');
	const data = workerData as ThreadData;
	const heartbeat = new Int32Array(data.heartbeat);
	const counters = new Counters(data.counters);
	setInterval(() => {
		Atomics.add(heartbeat, 0, 1);
		counters.set('eventLoopBusyMs', performance.eventLoopUtilization().active);
	}, HEARTBEAT_INTERVAL_MS);
	const role = make(data, (message) => port.postMessage(message));
	port.on('message', (message: CoordinatorToThread) => role.handle(message));
	await role.start();
	port.postMessage({ type: 'ready' } satisfies ThreadToCoordinator);
}
