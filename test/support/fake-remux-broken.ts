import { existsSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

// A remux thread that cannot be loaded while the file named by MILLRACE_TEST_BROKEN exists.
if (existsSync(process.env['MILLRACE_TEST_BROKEN'] ?? '')) {
	throw new Error(`broken ${workerData}`);
}

export { default } from './fake-remux.js';
