#!/usr/bin/env node
import { TOOLS } from './tools/tool-table.js';

const [name = '', ...rest] = process.argv.slice(2);
// A command loads only what it needs: the server alone takes 100 ms to load.
if (Object.hasOwn(TOOLS, name)) {
	const { runTool } = await import('./tools/tool.js');
	process.exitCode = await runTool(await TOOLS[name]!(), rest);
} else {
	const { main } = await import('./cli/main.js');
	await main(process.argv.slice(2), process.env);
}
