import { main } from '#src/cli/main.js';

/** The supervisor with a stand-in for the role process (fake-role-process.ts). */
await main(process.argv.slice(2), process.env, new URL('./fake-role-process.js', import.meta.url));
