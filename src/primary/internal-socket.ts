import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigError } from '../config/config-error.js';
import type { Listener } from './listeners.js';
import { bindUnixHandle, type ServerHandle } from './server-handle.js';

const DIRECTORY = 'millrace-';
const NAME = 'origin.sock';
/** The configuration key that asks for it. */
const KEY = 'delivery.processes';

/**
 * The Unix socket by which an origin process feeds the delivery processes beside it: bound like the ports, without accepting, in a
 * directory that nobody else may enter. Each has a directory of its own, so what a killed server has left is in nobody's way.
 */
export class InternalSocket {
	readonly path: string;
	readonly listener: Listener;
	readonly #handle: ServerHandle;
	readonly #directory: string;

	/** Throws ConfigError when it cannot be had. */
	constructor() {
		const template = path.join(tmpdir(), DIRECTORY);
		try {
			this.#directory = mkdtempSync(template);
		} catch (error) {
			throw unusable(template, (error as NodeJS.ErrnoException).code ?? '');
		}
		this.path = path.join(this.#directory, NAME);
		const handle = bindUnixHandle(this.path);
		if (typeof handle === 'string') {
			this.#remove();
			throw unusable(this.path, handle);
		}
		this.#handle = handle;
		this.listener = { name: 'internal', key: KEY, host: this.path, port: 0, handle };
	}

	close(): void {
		this.#handle.close();
		this.#remove();
	}

	#remove(): void {
		rmSync(this.#directory, { recursive: true, force: true });
	}
}

function unusable(place: string, error: string): ConfigError {
	return new ConfigError([`${KEY}: no Unix socket at ${place} (${error}); TMPDIR names another place`]);
}
