import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { killGroup, startChild } from './children.js';
import { patient } from './patience.js';
import { sleep } from './until.js';

const SUPERVISOR = fileURLToPath(new URL('../../supervisor.js', import.meta.url));
/** Below the range that the kernel takes ports of outgoing connections from, so that nothing grabs a port just chosen. */
const FIRST_PORT = 10_000;
const LAST_PORT = 31_000;
const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 50;
const PORT_ATTEMPTS = 3;
const PORT_TAKEN = /port \d+ on \S+ in use by another program/;
const STOP_TIMEOUT_MS = 20_000;

/** Sections of the configuration file, as written there. */
export type ConfigFile = { [section: string]: unknown };

export type ServerPorts = { rtmp: number; http: number; files: number; admin: number };

export type StartOptions = {
	/** `origin` unless it says otherwise. */
	role?: string;
	config?: ConfigFile;
	/** More command-line arguments. */
	args?: readonly string[];
	env?: Readonly<Record<string, string>>;
	/** Another place to run in, such as a network namespace. */
	place?: ServerPlace;
	/** Another script than the one that was built here. */
	supervisor?: string;
};

/** `command` runs what follows it in that place; `host` is where its ports are then found. */
export type ServerPlace = { command: readonly [string, ...string[]]; host: string };

/** A Millrace server of its own: temporary directory, free ports, everything it prints kept. */
export class ServerProcess {
	readonly ports: ServerPorts;
	/** Temporary directory with `config.yaml` and `media/`; gone after `stop`. */
	readonly directory: string;
	readonly configFile: string;
	/** All that the server has printed. */
	output = '';
	readonly #host: string;
	readonly #child: ChildProcess;
	/** 'close', not 'exit': the last of its output comes before this. */
	readonly #closed: Promise<[code: number | null, signal: NodeJS.Signals | null]>;

	private constructor(ports: ServerPorts, directory: string, options: StartOptions) {
		this.ports = ports;
		this.directory = directory;
		this.configFile = join(directory, 'config.yaml');
		const { place = null } = options;
		this.#host = place?.host ?? '127.0.0.1';
		this.writeConfig(options.config ?? {});
		const [program, ...before] = [...(place?.command ?? []), process.execPath];
		const args = [
			...before,
			options.supervisor ?? SUPERVISOR,
			'--role',
			options.role ?? 'origin',
			'--config',
			this.configFile,
			...(options.args ?? []),
		];
		const env = { ...process.env, ...options.env };
		this.#child = startChild(program!, args, { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] });
		this.#closed = once(this.#child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
		for (const stream of [this.#child.stdout, this.#child.stderr]) {
			stream?.setEncoding('utf8').on('data', (text: string) => {
				this.output += text;
			});
		}
	}

	/** Starts a server and resolves when it is ready; throws with what it printed when it is not. */
	static async start(options: StartOptions = {}): Promise<ServerProcess> {
		for (let attempt = 1; ; attempt++) {
			const [rtmp, http, files, admin] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
			const directory = mkdtempSync(join(tmpdir(), 'millrace-'));
			const server = new ServerProcess({ rtmp, http, files, admin }, directory, options);
			try {
				await server.#waitUntilReady();
				return server;
			} catch (error) {
				// A test beside this one may choose the same free port.
				if (attempt === PORT_ATTEMPTS || !PORT_TAKEN.test(server.output)) {
					throw error;
				}
			}
		}
	}

	get pid(): number {
		return this.#child.pid!;
	}

	get media(): string {
		return join(this.directory, 'media');
	}

	rtmpUrl(path: string): string {
		return `rtmp://${this.#host}:${this.ports.rtmp}/${path}`;
	}

	httpUrl(path: string): string {
		return `http://${this.#host}:${this.ports.http}/${path}`;
	}

	wsUrl(path: string): string {
		return `ws://${this.#host}:${this.ports.http}/${path}`;
	}

	adminUrl(path: string): string {
		return `http://${this.#host}:${this.ports.admin}/${path}`;
	}

	/** Writes the configuration file anew: `config` laid over this server's ports and media directory. JSON is YAML. */
	writeConfig(config: ConfigFile): void {
		const { rtmp, http, files, admin } = this.ports;
		const own: ConfigFile = {
			media: this.media,
			rtmp: { port: rtmp },
			http: { port: http },
			files: { port: files },
			admin: { port: admin, host: this.#host },
		};
		const sections = Object.entries({ ...own, ...config }).map(([key, value]) => {
			return [key, isSection(value) && isSection(own[key]) ? { ...own[key], ...value } : value];
		});
		writeFileSync(this.configFile, JSON.stringify(Object.fromEntries(sections), null, 2));
	}

	signal(signal: NodeJS.Signals): void {
		this.#child.kill(signal);
	}

	/** Exit code, or the signal that ended the process. */
	async exit(): Promise<number | NodeJS.Signals> {
		const [code, signal] = await this.#closed;
		return code ?? signal!;
	}

	/** SIGTERM, and the exit code; a server that does not end in time is killed. Removes the directory. */
	async stop(): Promise<number | NodeJS.Signals> {
		const timer = setTimeout(() => killGroup(this.pid), patient(STOP_TIMEOUT_MS));
		this.#child.kill('SIGTERM');
		const result = await this.exit();
		clearTimeout(timer);
		rmSync(this.directory, { recursive: true, force: true });
		return result;
	}

	async #waitUntilReady(): Promise<void> {
		const deadlineMs = performance.now() + patient(READY_TIMEOUT_MS);
		while (performance.now() < deadlineMs && this.#child.exitCode === null) {
			const response = await fetch(this.adminUrl('readyz')).catch(() => null);
			if (response?.status === 200) {
				return;
			}
			await sleep(POLL_MS);
		}
		await this.stop();
		throw new Error(`the server did not get ready:\n${this.output}`);
	}
}

function isSection(value: unknown): value is object {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A TCP port that nothing listens on. */
export async function freePort(): Promise<number> {
	for (;;) {
		const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
		const probe = createServer();
		const free = await new Promise<boolean>((resolve) => {
			probe.once('error', () => resolve(false));
			probe.listen(port, '::', () => resolve(true));
		});
		if (free) {
			await new Promise((resolve) => probe.close(resolve));
			return port;
		}
	}
}
