import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Program } from './program.js';
import { until } from './until.js';

const FAKE_SUPERVISOR = fileURLToPath(new URL('./fake-supervisor.js', import.meta.url));

export type LogLine = { msg: string; role?: string; pid?: number; ports?: Record<string, number> } & Record<
	string,
	unknown
>;
export type FakeOptions = { args?: readonly string[]; misbehaviour?: 'dies' | 'hangs'; env?: Record<string, string> };

/** The real primary with a stand-in for the role process (fake-role-process.ts), on free ports; gone after the test. */
export class FakeServer {
	readonly program: Program;
	#ended = false;

	constructor(t: TestContext, { args = [], misbehaviour, env = {} }: FakeOptions = {}) {
		const directory = mkdtempSync(join(tmpdir(), 'millrace-primary-'));
		t.after(() => rmSync(directory, { recursive: true, force: true }));
		const ports = ['--rtmp-port=0', '--http-port=0', '--files-port=off', '--admin-port=0'];
		this.program = new Program(t, process.execPath, [FAKE_SUPERVISOR, `--media=${directory}`, ...ports, ...args], {
			env: { ...env, ...(misbehaviour === undefined ? {} : { FAKE_ROLE: misbehaviour }) },
		});
		void this.program.exit().then(() => {
			this.#ended = true;
		});
	}

	/** The lines that it has logged so far, without those on their way. */
	get log(): LogLine[] {
		return this.program.stdout
			.split('\n')
			.filter((line) => line.startsWith('{') && line.endsWith('}'))
			.map((line) => JSON.parse(line));
	}

	lines(msg: string): LogLine[] {
		return this.log.filter((line) => line.msg === msg);
	}

	/** The `count`th line that says `msg`, as soon as it is there. */
	async said(msg: string, count = 1): Promise<LogLine> {
		const isSaid = (): boolean => this.lines(msg).length >= count;
		await until(`"${msg}" ${count} times`, () => this.#ended || isSaid(), 30_000);
		assert.ok(isSaid(), `ended without "${msg}" ${count} times:\n${this.program.stdout}${this.program.stderr}`);
		return this.lines(msg)[count - 1]!;
	}

	async port(listener: string): Promise<number> {
		const { ports } = await this.said('ready');
		const port = ports?.[listener];
		assert.ok(port !== undefined, `no port for ${listener}`);
		return port;
	}
}

/** Connects and resolves with the greeting of fake-role-thread.ts; the socket is the caller's. Rejects when refused or cut off. */
export async function greet(t: TestContext, port: number): Promise<{ socket: Socket; greeting: string }> {
	const socket = connect(port, '127.0.0.1');
	t.after(() => socket.destroy());
	const [greeting] = await Promise.race([
		once(socket, 'data'),
		once(socket, 'close').then(() => Promise.reject(new Error('closed'))),
	]);
	return { socket, greeting: String(greeting).trim() };
}
