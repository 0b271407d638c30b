export { runRemuxTask as default } from '#src/pool/remux-worker.js';
