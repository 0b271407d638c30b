import { LISTENER_NAMES, type LISTENERS, listenerSpec } from '../config/listeners.js';

/** The flags of the command line. Those with a `key` set that configuration key and win over file and environment. */
export type Flag = {
	/** Name of the value in the usage text; null = a switch. */
	value: string | null;
	help: string;
	/** The configuration key that it sets. */
	key: string | null;
	/** The key for roles that it is another one for. */
	keyOf?: Readonly<Record<string, string>>;
	/** It may be given several times, for a list. */
	repeats?: boolean;
	/** Roles that take the flag; absent = all of them. */
	roles?: readonly string[];
};

const GATEWAYS = ['flv-gateway', 'file-gateway'];

export const FLAGS = {
	role: { value: 'ROLE', help: 'Role to run: origin (default), flv-gateway, file-gateway', key: null },
	config: { value: 'FILE', help: 'YAML configuration file (see config.example.yaml)', key: null },
	...portFlags(),
	'admin-port': { value: 'PORT', help: 'Metrics, health, API', key: 'admin.port' },
	media: { value: 'DIR', help: 'Directory of recordings', key: 'media', roles: ['origin'] },
	upstream: {
		value: 'URL',
		help: 'Server that a gateway gets its streams or files from; may be repeated, in order of preference',
		key: 'gateway.upstreams',
		repeats: true,
		roles: GATEWAYS,
	},
	port: {
		value: 'PORT',
		help: 'Port of a gateway',
		key: 'http.port',
		keyOf: { 'file-gateway': 'files.port' },
		roles: GATEWAYS,
	},
	root: { value: 'DIR', help: 'Directory that a file-gateway serves', key: 'media', roles: ['file-gateway'] },
	processes: {
		value: 'N',
		help: 'Processes behind the same port: of a gateway in all, of an origin those that only deliver',
		key: 'gateway.processes',
		keyOf: { origin: 'delivery.processes' },
	},
	'print-config': { value: null, help: 'Print the configuration, where each value came from, and exit', key: null },
	debug: { value: null, help: 'Log at level debug', key: 'log.level' },
	help: { value: null, help: 'Print this text', key: null },
	version: { value: null, help: 'Print the version', key: null },
} as const satisfies Readonly<Record<string, Flag>>;

export type FlagName = keyof typeof FLAGS;

type FlagOf<Spec> = Spec extends { flag: { name: infer Name extends string } } ? Name : never;
type PortFlagName = FlagOf<(typeof LISTENERS)[keyof typeof LISTENERS]>;

/** A flag for each listener that has one. */
function portFlags(): Record<PortFlagName, Flag> {
	const flags = LISTENER_NAMES.flatMap((name): [string, Flag][] => {
		const { portKey, flag } = listenerSpec(name);
		return flag === undefined ? [] : [[flag.name, { value: 'PORT', help: flag.help, key: portKey, roles: flag.roles }]];
	});
	return Object.fromEntries(flags) as Record<PortFlagName, Flag>;
}
