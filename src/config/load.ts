import { checkConfig } from './check.js';
import { ConfigError } from './config-error.js';
import { explainIssues } from './issues.js';
import { asWritten, CONFIG_KEYS } from './keys.js';
import { type Config, configSchema } from './schema.js';
import { isSection, schemaAt } from './schema-walk.js';
import { environmentSettings, type Origin, type Setting } from './sources.js';
import { isTree, setAt, valueAt } from './tree.js';
import { readYamlFile } from './yaml-file.js';

/**
 * The sources of the configuration, in rising order of precedence. They are kept so that SIGHUP can read them all
 * again.
 */
export type ConfigSources = {
	file: string | null;
	environment: NodeJS.ProcessEnv;
	flags: readonly Setting[];
	/** The wishes of the role that runs; absent = none. */
	profile?: RoleProfile;
};

/** The difference between the configuration of one role and that of an origin. */
export type RoleProfile = {
	/** Defaults by key name. */
	defaults: Readonly<Record<string, unknown>>;
	/** Keys that must not be empty, by name, each with what to say when they are. */
	required: Readonly<Record<string, string>>;
	/** It writes to the directory of recordings. */
	writesMedia: boolean;
	/** Protocols that it can ask upstreams by; absent = all. */
	upstreamProtocols?: readonly string[];
};

const ORIGIN_PROFILE: RoleProfile = { defaults: {}, required: {}, writesMedia: true };

export type LoadedConfig = {
	config: Config;
	/** The source of each key's value, by key name. */
	origins: ReadonlyMap<string, Origin>;
};

const DEFAULT_ORIGIN: Origin = { source: 'default', label: 'default' };

/**
 * Reads the defaults, then the file, then the environment, then flags. Throws ConfigError with a line for each problem:
 * values that the schema refuses, and faults that it cannot see (a certificate that cannot be read, two listeners on
 * one port).
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
	const { file: fileName, environment, flags, profile = ORIGIN_PROFILE } = sources;
	const file = fileName === null ? null : readYamlFile(fileName);
	const tree = filledSections(file?.value ?? {});
	const origins = new Map(CONFIG_KEYS.map((key) => [key.name, DEFAULT_ORIGIN]));
	for (const { name, path } of CONFIG_KEYS) {
		if (file !== null && valueAt(tree, path) !== undefined) {
			origins.set(name, { source: 'file', label: file.locate(path, 'value') });
		} else if (Object.hasOwn(profile.defaults, name)) {
			setAt(tree, path, profile.defaults[name]);
		}
	}
	for (const { key, value, origin } of [...environmentSettings(environment), ...flags]) {
		setAt(tree, key.path, value);
		origins.set(key.name, origin);
	}
	const result = configSchema.safeParse(tree);
	if (!result.success) {
		throw new ConfigError(
			explainIssues(result.error.issues, tree, (path, part) => {
				const origin = origins.get(path.join('.'));
				return origin === undefined || origin.source === 'file' ? (file?.locate(path, part) ?? '') : origin.label;
			}),
		);
	}
	checkConfig(result.data, origins, profile);
	return { config: result.data, origins };
}

/** The configuration as YAML, each key with where its value came from. Reads back to the same configuration. */
export function printConfig({ config, origins }: LoadedConfig): string {
	const lines: string[] = [];
	let openSection = '';
	for (const key of CONFIG_KEYS) {
		const [top = '', leaf] = key.path;
		if (leaf !== undefined && top !== openSection) {
			lines.push(`${top}:`);
		}
		openSection = top;
		const value = JSON.stringify(asWritten(key.path, valueAt(config, key.path)));
		const line = leaf === undefined ? `${top}: ${value}` : `  ${leaf}: ${value}`;
		lines.push(`${line.padEnd(40)} # ${origins.get(key.name)?.label}`);
	}
	return `${lines.join('\n')}\n`;
}

/** A copy in which a section with nothing below its name, all commented out, is an empty section. */
function filledSections(given: unknown): unknown {
	if (!isTree(given)) {
		return given;
	}
	const sections = Object.entries(given).map(([name, value]) => {
		const isEmpty = value === null && isSection(schemaAt(configSchema, [name]));
		return [name, isEmpty ? {} : value];
	});
	return structuredClone(Object.fromEntries(sections));
}
