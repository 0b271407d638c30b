import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startChild } from '../support/children.js';
import { FakeServer, greet } from '../support/fake-server.js';
import { freePort } from '../support/server-process.js';
import { sleep, until } from '../support/until.js';

const PROCESS_GONE = 'role process is gone and will be replaced';

describe('the primary', () => {
	it('tells the ports that it got, and each is served', async (t) => {
		const server = new FakeServer(t);
		for (const listener of ['rtmp', 'http']) {
			assert.match((await greet(t, await server.port(listener))).greeting, new RegExp(`^${listener} \\d+ info$`));
		}
		const { ports } = await server.said('ready');
		assert.deepEqual(Object.keys(ports ?? {}), ['rtmp', 'http', 'admin']);
	});

	it('refuses no connection while a killed role process is replaced', async (t) => {
		const server = new FakeServer(t);
		const port = await server.port('rtmp');
		const load = new ConnectLoad(port);
		t.after(() => load.stop());
		for (let round = 1; round <= 3; round += 1) {
			const { pid } = await server.said('role process ready', round);
			await load.more(20);
			process.kill(pid!, 'SIGKILL');
			await server.said('role process ready', round + 1);
			const { greeting } = await greet(t, port);
			assert.notEqual(greeting.split(' ')[1], String(pid));
			await load.more(20);
		}
		load.stop();
		assert.deepEqual(load.refusals, []);
		assert.equal(server.lines(PROCESS_GONE)[0]?.['restartInMs'], 0);
	});

	it('keeps a connection that comes while nobody serves for the next role process', async (t) => {
		const server = new FakeServer(t);
		const port = await server.port('rtmp');
		const { pid } = await server.said('role process ready');
		process.kill(pid!, 'SIGSTOP');
		await until('every thread of the process has stopped', () => threadStates(pid!).every((state) => state === 'T'));
		// Threads of a stopped process accept nothing: all of these wait in the kernel.
		const waiting = Array.from({ length: 50 }, () => greet(t, port));
		await sleep(50);
		process.kill(pid!, 'SIGKILL');
		const greetings = await Promise.all(waiting);
		const successor = await server.said('role process ready', 2);
		assert.deepEqual(new Set(greetings.map(({ greeting }) => greeting)), new Set([`rtmp ${successor.pid} info`]));
	});

	it('restarts a role process that keeps dying after growing delays, says so, and can be stopped meanwhile', async (t) => {
		const server = new FakeServer(t, { misbehaviour: 'dies' });
		await server.said(PROCESS_GONE, 3);
		assert.deepEqual(
			server.lines(PROCESS_GONE).map(({ restartInMs }) => restartInMs),
			[0, 500, 1000],
		);
		assert.equal(server.lines('the role process cannot go on').length, 3);
		server.program.kill('SIGTERM');
		assert.equal(await server.program.exit(), 0);
	});

	it('replaces a role process that hangs', async (t) => {
		const server = new FakeServer(t);
		const port = await server.port('http');
		const { pid } = await server.said('role process ready');
		process.kill(pid!, 'SIGSTOP');
		await server.said('role process hangs: killed');
		const successor = await server.said('role process ready', 2);
		assert.equal((await greet(t, port)).greeting, `http ${successor.pid} info`);
	});

	it('drains at SIGTERM and SIGINT: no new connection, exit code 0', async (t) => {
		for (const signal of ['SIGTERM', 'SIGINT'] as const) {
			const server = new FakeServer(t);
			const port = await server.port('rtmp');
			server.program.kill(signal);
			assert.equal(await server.program.exit(), 0);
			const order = server.log.map(({ msg }) => msg);
			assert.deepEqual(order.slice(-3), ['stopping', 'fake role draining', 'stopped']);
			await assert.rejects(greet(t, port), { code: 'ECONNREFUSED' });
		}
	});

	it('ends within the shutdown deadline when the role process does not', async (t) => {
		const server = new FakeServer(t, { misbehaviour: 'hangs', env: { MILLRACE_SHUTDOWN_DEADLINE: '300ms' } });
		await server.said('ready');
		server.program.kill('SIGTERM');
		assert.equal(await server.program.exit(), 0);
		assert.equal(server.lines('role processes did not end within the deadline').length, 1);
	});

	it('ends at once at a second signal, but takes the echo of the first one for the first one', async (t) => {
		const server = new FakeServer(t, { misbehaviour: 'hangs', env: { MILLRACE_SHUTDOWN_DEADLINE: '10m' } });
		const { pid } = await server.said('role process ready');
		server.program.kill('SIGINT');
		server.program.kill('SIGINT');
		await server.said('fake role draining');
		await sleep(600);
		server.program.kill('SIGTERM');
		assert.equal(await server.program.exit(), 143);
		await until('the role process is gone', () => !isAlive(pid!));
	});

	it('takes a new configuration at SIGHUP and refuses a bad one', async (t) => {
		const file = join(tmpdir(), `millrace-reload-${process.pid}.yaml`);
		t.after(() => rmSync(file));
		writeFileSync(file, 'log: {level: info}\n');
		const server = new FakeServer(t, { args: ['--config', file] });
		const port = await server.port('rtmp');

		writeFileSync(file, 'log:\n  level: loud\n');
		server.program.kill('SIGHUP');
		const refused = await server.said('configuration refused; the old one stays');
		assert.deepEqual(refused['problems'], [
			`${file}:2:10 log.level: expected one of trace, debug, info, warn, error, got "loud"`,
		]);
		assert.match((await greet(t, port)).greeting, / info$/);

		writeFileSync(file, 'log: {level: debug}\nring: {duration: 5s}\n');
		server.program.kill('SIGHUP');
		const taken = await server.said('configuration read again');
		assert.deepEqual([taken['applied'], taken['needsRestart']], [['log.level'], ['ring.duration']]);
		await until('the role process has it', async () => (await greet(t, port)).greeting.endsWith(' debug'));

		const { pid } = await server.said('role process ready');
		process.kill(pid!, 'SIGKILL');
		await server.said('role process ready', 2);
		assert.match((await greet(t, port)).greeting, / debug$/, 'the successor has it too');
	});

	it('leaves no orphan: the role process ends with its primary, and the port is free', async (t) => {
		const server = new FakeServer(t);
		const port = await server.port('rtmp');
		const { pid } = await server.said('role process ready');
		server.program.kill('SIGKILL');
		await until('the role process is gone', () => !isAlive(pid!));
		const next = new FakeServer(t, { args: [`--rtmp-port=${port}`] });
		assert.equal(await next.port('rtmp'), port);
	});

	it('lets one of two that start at the same moment have the port; the other ends with 2 and a line', async (t) => {
		const args = [`--rtmp-port=${await freePort()}`];
		const servers = [new FakeServer(t, { args }), new FakeServer(t, { args })];
		const ready = new Promise<FakeServer>((resolve) => {
			for (const server of servers) {
				server.said('ready').then(
					() => resolve(server),
					() => undefined,
				);
			}
		});
		const winner = await ready;
		const loser = servers.find((server) => server !== winner)!;
		assert.equal(await loser.program.exit(), 2);
		assert.match(loser.program.stderr, /^millrace: rtmp\.port: port \d+ on ::: in use by another program\n$/);
		await greet(t, await winner.port('rtmp'));
	});

	it('answers for its health at the admin port', async (t) => {
		const server = new FakeServer(t);
		const admin = `http://127.0.0.1:${await server.port('admin')}`;
		assert.equal((await fetch(`${admin}/healthz`)).status, 200);
		assert.equal((await fetch(`${admin}/readyz`)).status, 200);
		const { pid } = await server.said('role process ready');
		process.kill(pid!, 'SIGKILL');
		await until('it is not ready', async () => (await fetch(`${admin}/readyz`)).status === 503);
		await until('it is ready again', async () => (await fetch(`${admin}/readyz`)).status === 200);
		assert.match(await (await fetch(`${admin}/metrics`)).text(), /^millrace_process_restarts_total 1$/m);
	});

	it('tells a process manager that it is ready', async (t) => {
		const child = startWithChannel(t);
		const [message] = await once(child, 'message');
		assert.equal(message, 'ready');
	});

	it('serves and ends as ever when its log is not read', async (t) => {
		const file = join(tmpdir(), `millrace-stalled-${process.pid}.yaml`);
		t.after(() => rmSync(file));
		writeFileSync(file, '');
		const child = startWithChannel(t, ['--config', file]);
		const port = await loggedPort(child);
		child.stdout!.pause();
		// Each of these is told in a long line: together far more than a pipe and our memory for them hold.
		writeFileSync(file, `log: {level: ${'x'.repeat(50_000)}}`);
		for (let count = 0; count < 200; count += 1) {
			child.kill('SIGHUP');
			await sleep(2);
		}
		assert.match((await greet(t, port)).greeting, /^rtmp/);
		child.kill('SIGTERM');
		assert.deepEqual(await once(child, 'exit'), [0, null]);
	});

	it('goes on when nobody reads its log any longer', async (t) => {
		const child = startWithChannel(t);
		const port = await loggedPort(child);
		child.stdout?.destroy();
		for (let count = 0; count < 5; count += 1) {
			child.kill('SIGHUP');
			await sleep(20);
		}
		assert.match((await greet(t, port)).greeting, /^rtmp/);
		child.kill('SIGTERM');
		assert.deepEqual(await once(child, 'exit'), [0, null]);
	});
});

/** Opens one connection after another, several at a time, and notes those that are refused. */
class ConnectLoad {
	readonly refusals: string[] = [];
	#opened = 0;
	#stopped = false;

	constructor(port: number, concurrency = 8) {
		for (let lane = 0; lane < concurrency; lane += 1) {
			void this.#run(port);
		}
	}

	/** Resolves when `count` more connections have been opened. */
	async more(count: number): Promise<void> {
		const target = this.#opened + count;
		await until(`${count} more connections`, () => this.#opened >= target);
	}

	stop(): void {
		this.#stopped = true;
	}

	async #run(port: number): Promise<void> {
		while (!this.#stopped) {
			const socket = connect(port, '127.0.0.1');
			try {
				await once(socket, 'connect');
				this.#opened += 1;
			} catch (error) {
				this.refusals.push(String(error));
			}
			// A connection that was open when the process was killed is lost, and may be.
			socket.on('error', () => undefined);
			await sleep(2);
			socket.destroy();
		}
	}
}

function startWithChannel(t: TestContext, args: readonly string[] = []): ChildProcess {
	const supervisor = fileURLToPath(new URL('../support/fake-supervisor.js', import.meta.url));
	const flags = ['--rtmp-port=0', '--http-port=off', '--files-port=off', '--admin-port=off', `--media=${tmpdir()}`];
	const child = startChild(process.execPath, [supervisor, ...flags, ...args], {
		stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
	});
	t.after(() => child.kill('SIGKILL'));
	return child;
}

/** The RTMP port, from the log. */
async function loggedPort(child: ChildProcess): Promise<number> {
	let output = '';
	const read = (text: Buffer): void => {
		output += text;
	};
	child.stdout!.on('data', read);
	await until('it says its port', () => output.includes('"ports"'));
	child.stdout!.off('data', read);
	return Number(/"rtmp":(\d+)/.exec(output)?.[1]);
}

function isAlive(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}

/** The states of a process's threads as Linux tells them; `T` is stopped. */
function threadStates(pid: number): string[] {
	const tasks = `/proc/${pid}/task`;
	return readdirSync(tasks).map(
		(thread) => /\) (\w) /.exec(readFileSync(`${tasks}/${thread}/stat`, 'utf8'))?.[1] ?? '',
	);
}
