import type { ServerResponse } from 'node:http';
import { LISTENERS, type ListenerName } from '../config/listeners.js';
import { policyOf } from '../config/policy.js';
import type { DeliveryServices } from './delivery-services.js';

const PATH = '/server.json';

/**
 * The facts that the pages ask their server for. They name no stream and no other machine. The pages have the same
 * type, src/web/server.ts.
 */
export type ServerDescription = {
	role: string;
	/** Port of the listener that answers. Another one in the page's address: there is a proxy in front of it. */
	port: number;
	/** The listener that answers plays FLV, too; others have files, HLS and pages only. */
	live: boolean;
	/** Publishers are taken. */
	publish: boolean;
	ports: Partial<Record<ListenerName, number>>;
	/** Forms in which streams are recorded: those of the app that the query names, else those of apps without a policy of their own. */
	recorded: { flv: boolean; fmp4: boolean; hls: boolean };
	/** Streams are offered as LL-HLS and DASH. */
	lowLatency: boolean;
};

export function asksForDescription(path: string): boolean {
	return path === PATH;
}

/** @param query of the request, without `?`; `app=` names an app. */
export function describeServer(
	{ server: { role, ports }, config, live }: Pick<DeliveryServices, 'server' | 'config' | 'live'>,
	listener: ListenerName,
	query: string,
): ServerDescription {
	const { record, hls } = policyOf(config, { app: new URLSearchParams(query).get('app') ?? '' });
	const records = role !== 'flv-gateway';
	return {
		role,
		port: ports[listener] ?? 0,
		live: live !== null && LISTENERS[listener].streams,
		publish: role === 'origin',
		ports,
		recorded: { flv: record.flv && records, fmp4: record.fmp4 && records, hls: record.hls && records },
		lowLatency: hls.lowLatency && records,
	};
}

export function answerDescription(
	response: ServerResponse,
	description: ServerDescription,
	cors: Readonly<Record<string, string>>,
): void {
	const body = JSON.stringify(description);
	response
		.writeHead(200, {
			...cors,
			'Content-Type': 'application/json',
			'Content-Length': Buffer.byteLength(body),
			'Cache-Control': 'no-store',
		})
		.end(response.req.method === 'HEAD' ? undefined : body);
}
