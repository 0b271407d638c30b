import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.js';
import { keyNamed } from '../config/keys.js';
import type { ConfigSources } from '../config/load.js';
import { nearest } from '../config/nearest.js';
import { CONFIG_FILE_VARIABLE, type Setting, textSetting } from '../config/sources.js';
import { ROLE_NAMES, ROLES, type RoleName } from '../primary/roles.js';
import { FLAGS, type Flag, type FlagName } from './flags.js';

/** The request that the command line makes. */
export type Invocation =
	| { action: 'run' | 'print-config'; role: RoleName; sources: ConfigSources }
	| { action: 'help' | 'version' };

const DEFAULT_ROLE: RoleName = 'origin';

/** Reads the command line (without node and script). Throws ConfigError with a line for each mistake. */
export function readArguments(argv: readonly string[], environment: NodeJS.ProcessEnv): Invocation {
	const { given, problems } = parseFlags(argv);
	if (problems.length > 0) {
		throw new ConfigError(problems);
	}
	if (given.has('help')) {
		return { action: 'help' };
	}
	if (given.has('version')) {
		return { action: 'version' };
	}
	const role = readRole(given.get('role') ?? DEFAULT_ROLE);
	const misplaced = [...given.keys()].filter((name) => !takesFlag(role, name));
	if (misplaced.length > 0) {
		throw new ConfigError(misplaced.map((name) => `--${name}: the role ${role} does not take it`));
	}
	return {
		action: given.has('print-config') ? 'print-config' : 'run',
		role,
		sources: {
			file: given.get('config') ?? environment[CONFIG_FILE_VARIABLE] ?? null,
			environment,
			flags: settingsOf(given, role),
			...(role === DEFAULT_ROLE ? {} : { profile: ROLES[role].profile }),
		},
	};
}

/** Flags by name with their text; a switch has the text ''. The last of repeated flags counts, but for those that make a list. */
function parseFlags(argv: readonly string[]): { given: Map<FlagName, string>; problems: string[] } {
	const options = Object.fromEntries(
		Object.entries<Flag>(FLAGS).map(([name, flag]) => [
			name,
			{ type: flag.value === null ? ('boolean' as const) : ('string' as const) },
		]),
	);
	// Not strict: node's own complaints are several lines long and stop at the first mistake.
	const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
	const given = new Map<FlagName, string>();
	const problems: string[] = [];
	for (const token of tokens) {
		if (token.kind === 'positional') {
			problems.push(`${token.value}: unexpected argument`);
		} else if (token.kind === 'option') {
			// `--media --debug`: the value was forgotten.
			const value = !token.inlineValue && token.value?.startsWith('--') ? undefined : token.value;
			const problem = flagProblem(token.rawName, token.name, value);
			if (problem === null) {
				const flag: Flag = FLAGS[token.name as FlagName];
				const before = flag.repeats ? given.get(token.name as FlagName) : undefined;
				given.set(token.name as FlagName, before === undefined ? (value ?? '') : `${before},${value}`);
			} else {
				problems.push(problem);
			}
		}
	}
	return { given, problems };
}

function flagProblem(rawName: string, name: string, value: string | undefined): string | null {
	const flag: Flag | undefined = Object.hasOwn(FLAGS, name) ? FLAGS[name as FlagName] : undefined;
	if (flag === undefined || rawName !== `--${name}`) {
		const similar = nearest(name, Object.keys(FLAGS));
		return `${rawName}: unknown flag${similar === null ? '; --help lists them' : `; did you mean --${similar}?`}`;
	}
	if (flag.value === null) {
		return value === undefined ? null : `${rawName}: takes no value`;
	}
	return value === undefined || value === '' ? `${rawName}: expected ${flag.value}` : null;
}

function readRole(text: string): RoleName {
	const role = ROLE_NAMES.find((name) => name === text);
	if (role === undefined) {
		throw new ConfigError([`--role: expected one of ${ROLE_NAMES.join(', ')}, got ${JSON.stringify(text)}`]);
	}
	return role;
}

function takesFlag(role: RoleName, name: FlagName): boolean {
	const flag: Flag = FLAGS[name];
	return flag.roles === undefined || flag.roles.includes(role);
}

function settingsOf(given: ReadonlyMap<FlagName, string>, role: RoleName): Setting[] {
	return [...given].flatMap(([name, text]) => {
		const flag: Flag = FLAGS[name];
		const key = flag.keyOf?.[role] ?? flag.key;
		const origin = { source: 'flag', label: `--${name}` } as const;
		return key === null ? [] : [textSetting(keyNamed(key), name === 'debug' ? 'debug' : text, origin)];
	});
}
