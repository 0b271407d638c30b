import { LISTENERS, type ListenerName, listenerSpec, type PortName } from './listeners.js';
import type { Config } from './schema.js';
import type { Origin } from './sources.js';
import { valueAt } from './tree.js';

/** A port to bind before anything else starts. */
export type PortPlan = {
	name: ListenerName;
	/** Configuration key, for messages. */
	key: string;
	host: string;
	/** 0 = any free port. */
	port: number;
	/** Taken, with a warning, when `port` may not be had; null = that is an error. */
	fallbackPort: number | null;
};

/** The ports of those of `names` that are on, in the order of the table. */
export function portPlans(
	names: readonly PortName[],
	config: Config,
	origins: ReadonlyMap<string, Origin>,
): PortPlan[] {
	return names.flatMap((name) => {
		const key = LISTENERS[name].portKey;
		const port = valueAt(config, key.split('.'));
		if (typeof port !== 'number') {
			return [];
		}
		const { fallback } = listenerSpec(name);
		const givesWay = port === fallback?.from && origins.get(key)?.source === 'default';
		return [{ name, key, host: config.host, port, fallbackPort: givesWay ? fallback.to : null }];
	});
}
