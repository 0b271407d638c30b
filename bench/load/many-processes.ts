import { type ConfigFile, ServerProcess } from '#src/test/support/server-process.js';
import { type Usage, UsageMeter } from '#src/tools/load/process-usage.js';
import { runViewers, VIEW_DEFAULTS, type ViewResult } from '#src/tools/load/view.js';

export type ManyProcessesOptions = {
	/** Base address of an origin, and its process id. */
	upstream: string;
	upstreamPid: number;
	stream: string;
	config: ConfigFile;
	processes: number;
	viewers: number;
	seconds: number;
};

/** `server` is the gateway with all its processes. */
export type ManyProcessesResult = ViewResult & {
	upstream: Usage;
	/** Viewers that each process of the gateway had. */
	connections: number[];
};

/** Lets many viewers watch one stream through a gateway of several processes. */
export async function runManyProcesses(options: ManyProcessesOptions): Promise<ManyProcessesResult> {
	const { upstream, upstreamPid, stream, config, processes, viewers, seconds } = options;
	const gateway = await ServerProcess.start({
		role: 'flv-gateway',
		args: ['--processes', String(processes)],
		config: { ...config, gateway: { upstreams: [upstream] } },
	});
	try {
		const meter = new UsageMeter(upstreamPid);
		const url = gateway.httpUrl(`${stream}.flv`);
		let connections: number[] = [];
		const looking = setInterval(() => {
			void connectionsOf(gateway).then((counts) => {
				connections = counts;
			});
		}, LOOK_MS);
		const result = await runViewers({ ...VIEW_DEFAULTS, url, viewers, seconds, pid: gateway.pid });
		clearInterval(looking);
		return { ...result, upstream: meter.end(), connections };
	} finally {
		await gateway.stop();
	}
}

const LOOK_MS = 5000;

async function connectionsOf(server: ServerProcess): Promise<number[]> {
	const { threads } = (await (await fetch(server.adminUrl('api/v1/threads'))).json()) as {
		threads: { process: number; connections: number }[];
	};
	const counts: number[] = [];
	for (const { process, connections } of threads) {
		counts[process] = (counts[process] ?? 0) + connections;
	}
	return counts;
}
