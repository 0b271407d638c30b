import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { PORT_NAMES } from '#src/config/listeners.js';
import { loadConfig } from '#src/config/load.js';
import { type PortPlan, portPlans } from '#src/config/port-plan.js';
import { bindListeners, closeListeners, type Listener } from '#src/primary/listeners.js';

const NO_WARNING = (message: string): void => assert.fail(`warned: ${message}`);

function plan(port: number, more: Partial<PortPlan> = {}): PortPlan {
	return { name: 'rtmp', key: 'rtmp.port', host: '127.0.0.1', port, fallbackPort: null, ...more };
}

function bind(t: TestContext, plans: PortPlan[], warn = NO_WARNING): Listener[] {
	const listeners = bindListeners(plans, warn);
	t.after(() => closeListeners(listeners));
	return listeners;
}

describe('listening sockets', () => {
	it('are bound to a free port when the port is 0, and do not accept', async (t) => {
		const [first, second] = bind(t, [plan(0), plan(0, { name: 'http' })]);
		assert.ok(first!.port > 0 && second!.port > 0 && first!.port !== second!.port);
		await assert.rejects(connected(first!.port), { code: 'ECONNREFUSED' });
	});

	it('hold connections, accepted by nobody, once another process has put them into the listening state', async (t) => {
		const [listener] = bind(t, [plan(0)]);
		assert.equal(listenInChild(listener!).stdout, 'null');
		await connected(listener!.port);
	});

	it('tell whoever comes second that the port is in use', (t) => {
		const [first] = bind(t, [plan(0)]);
		// Neither listens yet, so the system lets both have the port.
		const [second] = bind(t, [plan(first!.port)]);
		assert.equal(listenInChild(first!).stdout, 'null');
		assert.equal(listenInChild(second!).stdout, 'EADDRINUSE');
	});

	it('are refused with a line for each port in use, and none is kept', async (t) => {
		const taken = await occupy(t);
		const { port: free } = bind(t, [plan(0)])[0]!;
		assert.throws(() => bindListeners([plan(free), plan(taken, { name: 'http', key: 'http.port' })], NO_WARNING), {
			name: 'ConfigError',
			problems: [`http.port: port ${taken} on 127.0.0.1: in use by another program`],
		});
		const again = createServer().listen(free, '127.0.0.1');
		await once(again, 'listening');
		again.close();
	});

	it('are refused on an address that the machine does not have', () => {
		const elsewhere = plan(1, { host: '192.0.2.1', fallbackPort: 2 });
		assert.throws(() => bindListeners([elsewhere], NO_WARNING), {
			problems: ['rtmp.port: port 1 on 192.0.2.1: this machine does not have the address'],
		});
	});

	it('fall back with a warning where that is planned', async (t) => {
		const taken = await occupy(t);
		const warnings: string[] = [];
		const [listener] = bind(t, [plan(taken, { fallbackPort: 0 })], (message) => warnings.push(message));
		assert.notEqual(listener!.port, taken);
		assert.deepEqual(warnings, [
			`rtmp.port: port ${taken} on 127.0.0.1: in use by another program; using port ${listener!.port}`,
		]);
	});

	it('are refused when the fallback is in use too, by another program or by us', async (t) => {
		const taken = await occupy(t);
		const ours = plan(0, { name: 'http', key: 'http.port' });
		const problem = `rtmp.port: port ${taken} on 127.0.0.1: in use by another program`;
		assert.throws(() => bindListeners([ours, plan(taken, { fallbackPort: taken })], NO_WARNING), {
			problems: [problem, problem],
		});
	});
});

describe('the ports of an origin', () => {
	it('are those of the configuration; port 80 gives way only when it was not asked for', () => {
		const loaded = loadConfig({ file: null, environment: { MILLRACE_HTTP_PORT: 'off' }, flags: [] });
		assert.deepEqual(
			portPlans(PORT_NAMES, loaded.config, loaded.origins).map(({ name, host, port, fallbackPort }) => [
				name,
				host,
				port,
				fallbackPort,
			]),
			[
				['rtmp', '::', 1935, null],
				['files', '::', 80, 8000],
			],
		);
		const asked = loadConfig({ file: null, environment: { MILLRACE_FILES_PORT: '80' }, flags: [] });
		assert.equal(portPlans(['files'], asked.config, asked.origins)[0]?.fallbackPort, null);
	});
});

/** Runs `listenAndClose` on the inherited socket in a process of its own; prints what it returns. */
function listenInChild({ handle }: Listener): SpawnSyncReturns<string> {
	const module = new URL('../../primary/server-handle.js', import.meta.url).href;
	const script = `import('${module}').then((m) => process.stdout.write(String(m.listenAndClose(3, 16))))`;
	return spawnSync(process.execPath, ['-e', script], {
		stdio: ['ignore', 'pipe', 'inherit', handle.fd],
		encoding: 'utf8',
	});
}

async function connected(port: number): Promise<void> {
	const socket = connect(port, '127.0.0.1');
	try {
		await once(socket, 'connect');
	} finally {
		socket.destroy();
	}
}

async function occupy(t: TestContext): Promise<number> {
	const holder = createServer().listen(0, '127.0.0.1');
	await once(holder, 'listening');
	t.after(() => holder.close());
	return (holder.address() as AddressInfo).port;
}
