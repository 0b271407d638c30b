import { ConfigError } from './config-error.js';
import { CONFIG_KEYS, type ConfigKey } from './keys.js';
import { nearest } from './nearest.js';
import type { TextForm } from './schema-walk.js';
import { loadYaml } from './yaml.js';

/** The source of a value. Messages and --print-config show its `label` (`config.yaml:2:9`, `--rtmp-port`). */
export type Origin = { source: 'default' | 'file' | 'environment' | 'flag'; label: string };

/** One value that somebody asked for. */
export type Setting = { key: ConfigKey; value: unknown; origin: Origin };

const ENVIRONMENT_PREFIX = 'MILLRACE_';
/** Names the file; --config wins. */
export const CONFIG_FILE_VARIABLE = 'MILLRACE_CONFIG';

/** The settings of MILLRACE_ variables. Throws ConfigError for names that no key has. */
export function environmentSettings(environment: NodeJS.ProcessEnv): Setting[] {
	const keys = new Map(CONFIG_KEYS.map((key) => [key.environment, key]));
	const settings: Setting[] = [];
	const problems: string[] = [];
	for (const [name, text] of Object.entries(environment)) {
		if (!name.startsWith(ENVIRONMENT_PREFIX) || name === CONFIG_FILE_VARIABLE || text === undefined) {
			continue;
		}
		const key = keys.get(name);
		if (key === undefined) {
			problems.push(`${name}: unknown variable${suggestion(name, [...keys.keys(), CONFIG_FILE_VARIABLE])}`);
		} else {
			settings.push(textSetting(key, text, { source: 'environment', label: name }));
		}
	}
	if (problems.length > 0) {
		throw new ConfigError(problems);
	}
	return settings;
}

function suggestion(name: string, known: readonly string[]): string {
	const withoutPrefix = (variable: string): string => variable.slice(ENVIRONMENT_PREFIX.length);
	const similar = nearest(withoutPrefix(name), known.map(withoutPrefix));
	return similar === null ? '' : `; did you mean ${ENVIRONMENT_PREFIX}${similar}?`;
}

/** A setting given as text, read the way the key wants it. Text that is no YAML stays text, for the schema to refuse. */
export function textSetting(key: ConfigKey, text: string, origin: Origin): Setting {
	return { key, value: valueOfText(key.form, text), origin };
}

function valueOfText(form: TextForm, text: string): unknown {
	if (form === 'text') {
		return text;
	}
	if (form === 'list' && !text.trimStart().startsWith('[')) {
		return text.split(',').map((item) => item.trim());
	}
	try {
		return loadYaml().parse(text);
	} catch {
		return text;
	}
}
