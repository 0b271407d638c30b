import { once } from 'node:events';
import http from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { ServerProcess } from './test-server.js';
import { until } from './until.js';

export type RoleProcess = { role: string; index: number; pid: number; ready: boolean };
type Thread = { role: string; process: number; connections: number };

/** The role processes that a server has now, in order. */
export async function processesOf(server: ServerProcess): Promise<RoleProcess[]> {
	const answer = await fetch(server.adminUrl('api/v1/version'));
	return ((await answer.json()) as { processes: RoleProcess[] }).processes;
}

/** Connections of each process that has answered, by its index. */
export async function connectionsOf(server: ServerProcess): Promise<Map<number, number>> {
	const { threads } = (await (await fetch(server.adminUrl('api/v1/threads'))).json()) as { threads: Thread[] };
	const counts = new Map<number, number>();
	for (const { process, connections } of threads) {
		counts.set(process, (counts.get(process) ?? 0) + connections);
	}
	return counts;
}

/**
 * Calls `open` until each process has some connections, and returns them by the index of the process. `open` makes one
 * connection that stays, and nobody else may connect or leave meanwhile.
 */
export async function inEach<T>(
	server: ServerProcess,
	open: (attempt: number) => Promise<T>,
): Promise<Map<number, T[]>> {
	const byProcess = new Map<number, T[]>();
	const { length } = await processesOf(server);
	let before = await connectionsOf(server);
	for (let attempt = 0; byProcess.size < length; attempt++) {
		const opened = await open(attempt);
		let index: number | undefined;
		await until('the connection is counted', async () => {
			const now = await connectionsOf(server);
			index = [...now.keys()].find((process) => now.get(process)! > (before.get(process) ?? 0));
			before = now;
			return index !== undefined;
		});
		byProcess.set(index!, [...(byProcess.get(index!) ?? []), opened]);
	}
	return byProcess;
}

/** An HTTP connection to each process, by its index. */
export async function connectionInEach(
	t: TestContext,
	server: ServerProcess,
	port = server.ports.http,
): Promise<Map<number, Socket>> {
	const sockets = await inEach(server, async () => {
		const socket = connect(port, '127.0.0.1');
		t.after(() => socket.destroy());
		await once(socket, 'connect');
		return socket;
	});
	return new Map([...sockets].map(([index, [socket]]) => [index, socket!]));
}

export type Answer = { status: number; headers: http.IncomingHttpHeaders; body: string };

/** One request over a connection that is kept, if the server keeps it. */
export async function ask(socket: Socket, path: string, options: http.RequestOptions = {}): Promise<Answer> {
	const request = http.request({
		...options,
		path,
		headers: { Connection: 'keep-alive', ...options.headers },
		createConnection: () => socket,
	});
	request.end();
	const [response] = (await once(request, 'response')) as [http.IncomingMessage];
	return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}
