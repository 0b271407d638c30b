import { readFileSync } from 'node:fs';
import { ROLE_NAMES, ROLES } from '../primary/roles.js';
import { FLAGS, type Flag } from './flags.js';

export function usage(): string {
	const rows = Object.entries<Flag>(FLAGS)
		.filter(([, { roles }]) => roles === undefined || ROLE_NAMES.some((role) => roles.includes(role)))
		.map(([name, { value, help }]) => `  ${`--${name}${value === null ? '' : ` ${value}`}`.padEnd(20)} ${help}`);
	const roles = Object.entries(ROLES).map(([name, { help }]) => `  ${name.padEnd(20)} ${help}`);
	return `Usage: millrace [flags]                 runs the server
       millrace TOOL [arguments]        push, pull, forward, remux, doctor, load: TOOL --help says more

${rows.join('\n')}

Roles:
${roles.join('\n')}

Every setting may also come from the environment (MILLRACE_RTMP_PORT=1936) or from the file of --config; flags win
over the environment, the environment over the file. SIGHUP reads them again; SIGTERM and SIGINT stop politely, a second
one at once.
`;
}

/** The version in package.json, two folders up from the built file. */
export function version(): string {
	const packageFile = new URL('../../package.json', import.meta.url);
	const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
	return version;
}
