#!/usr/bin/env node

// What a command does not need is not loaded: the server alone takes 100 ms for it.
const argv = process.argv.slice(2);
if (argv[0] === 'remux') {
	const { remux } = await import('./tools/remux.js');
	process.exitCode = await remux(argv.slice(1));
} else {
	const { main } = await import('./cli/main.js');
	await main(argv, process.env);
}
