import type { Exposition } from '../metrics/exposition.js';
import type { PrimaryStatus } from '../metrics/primary-metrics.js';
import type { ProcessSnapshot } from '../metrics/snapshot.js';
import type { ProcessPort } from '../process/process-port.js';
import { type StreamName, streamName } from '../stream-name.js';
import { streamViews } from './stream-view.js';

/** The services of the primary that the admin port needs. */
export type AdminSource = {
	status(): PrimaryStatus;
	/** The role processes that run now, ready or not. */
	processes(): readonly ProcessPort[];
};

export type AdminResponse = { status: number; type: string; body: string; headers?: Readonly<Record<string, string>> };

type Route = {
	pattern: RegExp;
	methods: Readonly<Record<string, (api: AdminApi, app: string, name: string) => Promise<AdminResponse>>>;
};

const ROUTES: readonly Route[] = [
	{ pattern: /^\/metrics$/, methods: { GET: (api) => api.metrics() } },
	{ pattern: /^\/healthz$/, methods: { GET: (api) => api.health() } },
	{ pattern: /^\/readyz$/, methods: { GET: (api) => api.readiness() } },
	{ pattern: /^\/api\/v1\/version$/, methods: { GET: (api) => api.version() } },
	{ pattern: /^\/api\/v1\/threads$/, methods: { GET: (api) => api.threads() } },
	{ pattern: /^\/api\/v1\/streams$/, methods: { GET: (api) => api.streams() } },
	{
		pattern: /^\/api\/v1\/streams\/([\w-]{1,128})\/([\w-]{1,128})$/,
		methods: { GET: (api, app, name) => api.stream(streamName(app, name)) },
	},
	{
		pattern: /^\/api\/v1\/streams\/([\w-]{1,128})\/([\w-]{1,128})\/publisher$/,
		methods: { DELETE: (api, app, name) => api.evict(streamName(app, name)) },
	},
];

/** The answers of the admin port, without the sockets. */
export class AdminApi {
	readonly #source: AdminSource;
	#exposition: Promise<Exposition> | null = null;

	constructor(source: AdminSource) {
		this.#source = source;
	}

	/** Answers `method` on `path` (without query string). Never rejects for what a client or a silent process does. */
	async answer(method: string, path: string): Promise<AdminResponse> {
		for (const { pattern, methods } of ROUTES) {
			const match = pattern.exec(path);
			if (match === null) {
				continue;
			}
			const handler = methods[method === 'HEAD' ? 'GET' : method];
			if (handler === undefined) {
				const allow = Object.keys(methods).join(', ');
				return { ...json(405, { error: `use ${allow}` }), headers: { allow } };
			}
			const [, app = '', name = ''] = match;
			return handler(this, app, name);
		}
		return json(404, { error: 'no such page' });
	}

	/** The library of metrics is loaded for the first scrape: the start does not wait for it. */
	async metrics(): Promise<AdminResponse> {
		this.#exposition ??= import('../metrics/exposition.js').then((module) => new module.Exposition());
		const exposition = await this.#exposition;
		const body = await exposition.text(this.#source.status(), this.#source.processes());
		return { status: 200, type: exposition.contentType, body };
	}

	/** Alive: this process answers. */
	async health(): Promise<AdminResponse> {
		return json(200, { status: 'ok' });
	}

	/** Ready for connections; 503 before the first role process is ready and from the moment that draining begins. */
	async readiness(): Promise<AdminResponse> {
		const { state, processes } = this.#source.status();
		const ready = processes.filter((process) => process.ready).length;
		return json(state === 'ready' && ready > 0 ? 200 : 503, {
			status: state,
			processes: { ready, of: processes.length },
		});
	}

	async version(): Promise<AdminResponse> {
		const { version, role, startedAtMs, processes } = this.#source.status();
		const startedAt = new Date(startedAtMs).toISOString();
		return json(200, { name: 'millrace', version, node: process.version, role, startedAt, processes });
	}

	async threads(): Promise<AdminResponse> {
		const snapshots = await this.#snapshots();
		return json(200, {
			threads: snapshots.flatMap(({ role, index, threads }) =>
				threads.map((each) => ({ role, process: index, ...each })),
			),
		});
	}

	async streams(): Promise<AdminResponse> {
		return json(200, { streams: streamViews(await this.#snapshots()) });
	}

	async stream(name: StreamName): Promise<AdminResponse> {
		const views = streamViews(await this.#snapshots());
		const stream = views.find((view) => view.app === name.app && view.name === name.name);
		return stream === undefined ? notLive(name) : json(200, stream);
	}

	async evict(name: StreamName): Promise<AdminResponse> {
		const evicted = await this.#askAll((port) => port.evict(name));
		return evicted.includes(true) ? json(200, { evicted: true }) : notLive(name);
	}

	#snapshots(): Promise<ProcessSnapshot[]> {
		return this.#askAll((port) => port.snapshot());
	}

	/** The answers of the processes that did answer. */
	async #askAll<T>(ask: (port: ProcessPort) => Promise<T>): Promise<T[]> {
		const answers = await Promise.allSettled(this.#source.processes().map(ask));
		return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
	}
}

function notLive(name: StreamName): AdminResponse {
	return json(404, { error: `stream ${name.key} is not live or has no publisher` });
}

function json(status: number, body: object): AdminResponse {
	return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(body)}\n` };
}
