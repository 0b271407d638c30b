import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { ConfigError } from './config-error.js';
import { LISTENERS, PORT_NAMES } from './listeners.js';
import { type PortPlan, portPlans } from './port-plan.js';
import type { Config } from './schema.js';
import type { Origin } from './sources.js';
import { valueAt } from './tree.js';
import { formatSize } from './units.js';

const MAX_RING_BYTES = 32 * 1024 ** 2;
const PORT_KEYS = PORT_NAMES.map((name) => LISTENERS[name].portKey);

/** The needs of the role that runs, which a schema cannot know: see RoleProfile. */
type Needs = {
	required: Readonly<Record<string, string>>;
	writesMedia: boolean;
	upstreamProtocols?: readonly string[];
};

/**
 * Checks what a schema cannot see: values that exclude each other, files that cannot be used. Throws ConfigError with a
 * line each.
 */
export function checkConfig(config: Config, origins: ReadonlyMap<string, Origin>, needs: Needs): void {
	const problems: string[] = [];
	const report = (key: string, problem: string): void => {
		const origin = origins.get(key);
		const place = origin === undefined || origin.source === 'default' ? '' : `${origin.label} `;
		problems.push(`${place}${key}: ${problem}`);
	};
	checkPorts(config, origins, report);
	checkTls(config, report);
	if (config.ring.maxSize > MAX_RING_BYTES) {
		report('ring.maxSize', `expected at most 32MiB, got ${formatSize(config.ring.maxSize)}`);
	}
	if (config.ring.minSize > config.ring.maxSize) {
		report('ring.minSize', 'expected at most ring.maxSize');
	}
	for (const [key, problem] of Object.entries(needs.required)) {
		const value = valueAt(config, key.split('.'));
		if (Array.isArray(value) && value.length === 0) {
			report(key, problem);
		}
	}
	for (const { address } of config.gateway.upstreams) {
		if (needs.upstreamProtocols?.includes(new URL(address).protocol) === false) {
			report('gateway.upstreams', `${address}: this role wants ${needs.upstreamProtocols.join(' or ')}`);
		}
	}
	const mediaProblem = needs.writesMedia ? directoryProblem(config.media) : null;
	if (mediaProblem !== null) {
		report('media', mediaProblem);
	}
	if (problems.length > 0) {
		throw new ConfigError(problems);
	}
}

type Report = (key: string, problem: string) => void;

function checkPorts(config: Config, origins: ReadonlyMap<string, Origin>, report: Report): void {
	if (PORT_KEYS.every((key) => valueAt(config, key.split('.')) === 'off')) {
		report('rtmp.port', 'off, like every other port: there is nothing to do');
	}
	const taken = new Map<number, string>();
	for (const { key, port, fallbackPort } of [...portPlans(PORT_NAMES, config, origins), ...adminPlan(config)]) {
		// A port that gives way is bound when all others are.
		if (port === 0 || fallbackPort !== null) {
			continue;
		}
		const other = taken.get(port);
		if (other !== undefined) {
			report(key, `port ${port} is ${other} already`);
		}
		taken.set(port, key);
	}
}

/** The admin port, if the others are on its address too. */
function adminPlan({ host, admin }: Config): Pick<PortPlan, 'key' | 'port' | 'fallbackPort'>[] {
	const isShared =
		[host, admin.host].some((address) => address === '::' || address === '0.0.0.0') || host === admin.host;
	return isShared && admin.port !== 'off' ? [{ key: 'admin.port', port: admin.port, fallbackPort: null }] : [];
}

function checkTls({ rtmp, tls }: Config, report: Report): void {
	if (rtmp.tlsPort === 'off' && tls.cert === '' && tls.key === '') {
		return;
	}
	const missing = (['cert', 'key'] as const).filter((name) => tls[name] === '');
	for (const name of missing) {
		report(`tls.${name}`, 'expected a PEM file for RTMPS, got nothing');
	}
	const pem = { cert: readPem('tls.cert', tls.cert, report), key: readPem('tls.key', tls.key, report) };
	if (pem.cert === null || pem.key === null) {
		return;
	}
	try {
		createSecureContext({ cert: pem.cert, key: pem.key });
	} catch (error) {
		report('tls.cert', `${tls.cert} and ${tls.key} are no certificate with its key: ${(error as Error).message}`);
	}
}

function readPem(key: string, file: string, report: Report): Buffer | null {
	if (file === '') {
		return null;
	}
	try {
		return readFileSync(file);
	} catch (error) {
		report(key, `cannot be read: ${(error as Error).message}`);
		return null;
	}
}

/** Why recordings cannot be written to `directory`, which need not exist yet; null when they can. */
function directoryProblem(directory: string): string | null {
	try {
		accessSync(nearestExisting(resolve(directory)), constants.W_OK | constants.X_OK);
		return null;
	} catch (error) {
		return `${directory} cannot be written: ${(error as Error).message}`;
	}
}

function nearestExisting(directory: string): string {
	const found = statSync(directory, { throwIfNoEntry: false });
	if (found === undefined) {
		return nearestExisting(dirname(directory));
	}
	if (!found.isDirectory()) {
		throw new Error(`${directory} is not a directory`);
	}
	return directory;
}
