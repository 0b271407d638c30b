import type { TestContext } from 'node:test';
import { type ServerProcess, until } from './test-server.js';
import { type Watcher, watch } from './watch.js';

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

/** Viewers at `url`, opened one after the other until each process has some; by the index of the process that has them. */
export async function watchInEach(t: TestContext, server: ServerProcess, url: string): Promise<Map<number, Watcher[]>> {
	const byProcess = new Map<number, Watcher[]>();
	const { length } = await processesOf(server);
	let before = await connectionsOf(server);
	while (byProcess.size < length) {
		const watcher = watch(t, url);
		await watcher.more(1);
		let index: number | undefined;
		await until('the connection is counted', async () => {
			const now = await connectionsOf(server);
			index = [...now.keys()].find((process) => now.get(process)! > (before.get(process) ?? 0));
			before = now;
			return index !== undefined;
		});
		byProcess.set(index!, [...(byProcess.get(index!) ?? []), watcher]);
	}
	return byProcess;
}
