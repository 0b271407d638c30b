#!/usr/bin/env node
import { TOOLS } from './tools/tool-table.js';

const [name = '', ...rest] = process.argv.slice(2);
// What a command does not need is not loaded: the server alone takes 100 ms for it.
if (Object.hasOwn(TOOLS, name)) {
	const { runTool } = await import('./tools/tool.js');
	process.exitCode = await runTool(await TOOLS[name]!(), rest);
} else {
	const { main } = await import('./cli/main.js');
	await main(process.argv.slice(2), process.env);
}
