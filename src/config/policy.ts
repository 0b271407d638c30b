import type { StreamName } from '../stream-name.js';
import type { AppPolicy, Config } from './schema.js';

/**
 * The policy for the streams of an app: the sections with the app's own overrides laid over them. It is apart from the schema because
 * every thread needs it, and zod takes 180 ms of CPU to load: with four threads, half a second of each restart.
 */
export function policyOf(config: Config, { app }: Pick<StreamName, 'app'>): AppPolicy {
	const own = Object.hasOwn(config.apps, app) ? config.apps[app] : undefined;
	return {
		publish: overlay(config.publish, own?.publish),
		play: overlay(config.play, own?.play),
		record: overlay({ flv: config.record.flv, fmp4: config.record.fmp4, hls: config.record.hls }, own?.record),
		hls: overlay({ lowLatency: config.hls.lowLatency }, own?.hls),
		dvr: overlay(config.dvr, own?.dvr),
	};
}

function overlay<T extends object>(base: T, own: { readonly [K in keyof T]?: T[K] | undefined } | undefined): T {
	const given = Object.entries(own ?? {}).filter(([, value]) => value !== undefined);
	return { ...base, ...Object.fromEntries(given) };
}
