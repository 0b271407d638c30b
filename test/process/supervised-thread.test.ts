import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { SupervisedThread, type SupervisedThreadParts, type ThreadListener } from '#src/process/supervised-thread.js';
import type { ThreadToCoordinator } from '#src/stream/thread-messages.js';
import { keptLog } from '../support/silent-log.js';

/** A thread that never gives a heartbeat, and is ready when it is told to be. */
const SILENT = `data:text/javascript,
	import { parentPort } from 'node:worker_threads';
	parentPort.once('message', () => parentPort.postMessage({ type: 'ready' }));
	parentPort.on('message', () => {});`;
const HANGS = 'thread hangs and is replaced';

/** A thread whose life is watched with `checkHeartbeat` only. */
class Watched {
	readonly thread: SupervisedThread;
	readonly #lines: { msg: string }[];
	readonly #ready: Promise<void>;

	constructor(t: TestContext) {
		const { log, lines } = keptLog();
		this.#lines = lines;
		let ready: () => void = () => undefined;
		this.#ready = new Promise((resolve) => {
			ready = resolve;
		});
		const listener: ThreadListener = {
			prepare: () => ({}) as ReturnType<ThreadListener['prepare']>,
			created: () => undefined,
			message: (_, { type }: ThreadToCoordinator) => type === 'ready' && ready(),
			lost: () => undefined,
			stuck: () => undefined,
		};
		const parts: SupervisedThreadParts = { kind: 'delivery', index: 0, entry: new URL(SILENT), listener, log };
		this.thread = new SupervisedThread(parts);
		this.thread.start();
		t.after(() => this.thread.stop());
	}

	/** Resolves when the thread has said that it is ready. */
	becomeReady(): Promise<void> {
		this.thread.post({ type: 'drain', deadlineMs: 0 });
		return this.#ready;
	}

	/** Looks for the heartbeat so often. @returns whether the thread has been given up. */
	check(times: number): boolean {
		for (let check = 0; check < times; check++) {
			this.thread.checkHeartbeat();
		}
		return this.#lines.some(({ msg }) => msg === HANGS);
	}
}

describe('supervised thread', () => {
	it('is given half a minute to load', async (t) => {
		const watched = new Watched(t);
		assert.equal(watched.check(29), false);
		assert.equal(watched.check(1), true);
	});

	it('is not taken to hang for the checks that it missed while it was loading', async (t) => {
		const watched = new Watched(t);
		watched.check(20);
		await watched.becomeReady();
		assert.equal(watched.check(4), false);
		assert.equal(watched.check(1), true);
	});
});
