import { isatty } from 'node:tty';
import { type ConfigSources, loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { LineSink } from '../log/line-sink.js';
import { loggerTo } from '../log/logger.js';
import { type BoundPorts, Primary } from './primary.js';
import type { RoleName } from './roles.js';
import { handleSignals } from './signals.js';

export type RunOptions = {
	role: RoleName;
	version: string;
	sources: ConfigSources;
	/** Script of a role process; another one in tests. */
	entry?: URL | undefined;
};

const STDOUT = 1;
/** A stalled reader of the log may hold up the end of the process this long. */
const FLUSH_DEADLINE_MS = 300;
const ROLE_PROCESS = new URL('./worker-process.js', import.meta.url);

/** Runs a role until a signal ends it; resolves with its ports when it is ready. Throws ConfigError, with nothing left running, when it cannot be. */
export async function run({ role, version, sources, entry = ROLE_PROCESS }: RunOptions): Promise<BoundPorts> {
	const loaded = loadConfig(sources);
	const sink = await lineSink(loaded.config.log.format);
	const writeLine = (line: string): void => sink.write(line);
	const log = loggerTo(loaded.config.log.level, { role: 'primary' }, writeLine);
	const primary = new Primary({ role, version, sources, loaded, entry, log, writeLine });
	handleSignals({
		reload: () => primary.reload(),
		stop: () => primary.stop(),
		kill: () => primary.kill(),
		flush: () => sink.flush(FLUSH_DEADLINE_MS),
	});
	try {
		const ports = await primary.start();
		// To a process manager that waits for it.
		process.send?.('ready');
		return ports;
	} catch (error) {
		primary.kill();
		await sink.flush(FLUSH_DEADLINE_MS);
		throw error;
	}
}

async function lineSink(format: Config['log']['format']): Promise<LineSink> {
	const onTerminal = isatty(STDOUT);
	const pretty = format === 'pretty' || (format === 'auto' && onTerminal);
	// A server that nobody looks at starts without the library for that.
	const { prettyLines } = pretty ? await import('../log/pretty.js') : {};
	return LineSink.toStdout(prettyLines?.(onTerminal));
}
