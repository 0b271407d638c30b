export { runRemuxTask as default } from '#src/process/remux-worker.js';
