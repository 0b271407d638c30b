import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { serveProcess } from '#src/primary/serve-process.js';

/**
 * A role process without media, for tests of the primary: one thread for each listener. FAKE_ROLE says how it misbehaves: `dies`
 * at start, `hangs` instead of draining.
 */
const misbehaviour = process.env['FAKE_ROLE'];
const THREAD = new URL('./fake-role-thread.js', import.meta.url);

serveProcess(({ start, log }) => {
	const threads: Worker[] = [];
	return {
		async start() {
			if (misbehaviour === 'dies') {
				throw new Error('dies at start');
			}
			for (const [listener, [fd]] of Object.entries(start.descriptors)) {
				const thread = new Worker(THREAD, { workerData: { listener, fd, level: start.config.log.level } });
				threads.push(thread);
				await once(thread, 'message');
			}
		},
		reload(config) {
			for (const thread of threads) {
				thread.postMessage(config.log.level);
			}
			log.info('fake role reloaded');
		},
		async drain() {
			log.info('fake role draining');
			if (misbehaviour === 'hangs') {
				await new Promise(() => setInterval(() => undefined, 1000));
			}
		},
		metrics: async () => [],
		snapshot() {
			throw new Error('has none');
		},
		evict: () => false,
	};
});
