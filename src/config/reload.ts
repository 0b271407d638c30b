import { isDeepStrictEqual } from 'node:util';
import { CONFIG_KEYS } from './keys.js';
import type { Config } from './schema.js';
import { isTree, setAt, valueAt } from './tree.js';

export type ConfigChange = {
	/** The configuration that now runs: the old one with every change that could be applied. */
	config: Config;
	/** Names of changed keys that took effect, as precise as can be (`apps.live.play.missing`). */
	applied: string[];
	/** Names of changed keys that wait for a restart. */
	needsRestart: string[];
};

/** Returns what becomes of `running` when the sources say `wanted`. Neither is modified. */
export function applyReload(running: Config, wanted: Config): ConfigChange {
	const change: ConfigChange = { config: structuredClone(running), applied: [], needsRestart: [] };
	for (const key of CONFIG_KEYS) {
		const before = valueAt(running, key.path);
		const after = valueAt(wanted, key.path);
		const changed = [...differences(before, after, key.name)];
		if (key.reload && changed.length > 0) {
			setAt(change.config, key.path, after);
		}
		(key.reload ? change.applied : change.needsRestart).push(...changed);
	}
	return change;
}

function* differences(before: unknown, after: unknown, name: string): Generator<string> {
	if (isTree(before) && isTree(after)) {
		for (const child of new Set([...Object.keys(before), ...Object.keys(after)])) {
			yield* differences(before[child], after[child], `${name}.${child}`);
		}
	} else if (!isDeepStrictEqual(before, after)) {
		yield name;
	}
}
