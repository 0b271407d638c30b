import { z } from 'zod';
import { duration, size } from './units.js';

/**
 * The one truth about configuration: YAML keys, environment names (MILLRACE_RTMP_PORT), types, defaults, documentation.
 * Durations come out in milliseconds, sizes in bytes. Keys marked "reload" take effect on SIGHUP; the others need a restart.
 */

const port = z.number().int().min(0).max(65_535);
const threads = z.union([z.literal('auto'), z.number().int().min(1).max(64)]);

export const nameSchema = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'expected 1 to 128 of A-Z a-z 0-9 _ -');

const publishSchema = z.strictObject({
	jitter: z
		.enum(['full', 'zero', 'off'])
		.default('full')
		.describe(
			'Timestamp repair: full = start at 0, repair jumps and backward steps; zero = start at 0 only; off = as sent. (reload)',
		),
	grace: duration
		.default(10_000)
		.describe('How long viewers stay and a recording stays open after the publisher is lost. (reload)'),
	conflict: z
		.enum(['reject', 'takeover', 'takeover-if-stale'])
		.default('takeover-if-stale')
		.describe(
			'A second publisher on a live name: refuse it, let it take over, or let it take over from a stale one. (reload)',
		),
	staleAfter: duration.default(5000).describe('A publisher without media for this long is stale. (reload)'),
	idleTimeout: duration.default(30_000).describe('A publisher without media for this long is disconnected. (reload)'),
});

const playSchema = z.strictObject({
	mergeWindow: z
		.union([z.literal('auto'), z.number().int().min(0).max(1000)])
		.default('auto')
		.describe('Milliseconds of media written at once to all viewers; auto = as little as the load allows. (reload)'),
	maxLag: duration
		.default(30_000)
		.describe('A viewer that stays behind for longer than this is disconnected. (reload)'),
	missing: z
		.enum(['404', 'wait'])
		.default('404')
		.describe('Playing a stream that is not live: answer at once that it is not there, or wait for it. (reload)'),
	waitTimeout: duration.default(15_000).describe('How long `missing: wait` waits before it answers 404. (reload)'),
});

const recordSchema = z.strictObject({
	flv: z
		.boolean()
		.default(true)
		.describe('Record every stream to flv/{app}/{name}/index.flv under `media`. (reload: new takes)'),
});

/** Defaults and overrides have the same keys; an app's own value wins over the section's. */
const appSchema = z.strictObject({
	publish: publishSchema.partial().optional(),
	play: playSchema.partial().optional(),
	record: recordSchema.partial().optional(),
});

export const configSchema = z.strictObject({
	host: z.string().default('::').describe('Address to listen on; :: is every IPv4 and IPv6 address.'),
	media: z.string().default('media').describe('Directory of recordings.'),
	rtmp: z
		.strictObject({
			port: port.default(1935).describe('RTMP publish and play. 0 = off.'),
			tlsPort: port.default(0).describe('RTMPS; needs `tls`. 0 = off.'),
			chunkSize: z.number().int().min(128).max(65_536).default(60_000).describe('Chunk size that we send with.'),
			ackWindow: size.default(2_500_000).describe('Window Acknowledgement Size that we ask peers to keep.'),
			pingInterval: duration.default(30_000).describe('How often an RTMP peer is pinged.'),
			pingTimeout: duration.default(60_000).describe('An RTMP peer that sends nothing for this long is disconnected.'),
		})
		.prefault({}),
	http: z
		.strictObject({
			port: port.default(8501).describe('HTTP-FLV and WebSocket-FLV, push and play; files and pages.'),
			corsOrigins: z.array(z.string()).default(['*']).describe('Allowed origins of web pages; * = any. (reload)'),
		})
		.prefault({}),
	files: z
		.strictObject({
			port: port
				.default(80)
				.describe('Files and pages. When it was not asked for and 80 may not be bound: 8000. 0 = off.'),
		})
		.prefault({}),
	admin: z
		.strictObject({
			port: port.default(9750).describe('/metrics, /healthz, /readyz, /api/v1. 0 = off.'),
			host: z.string().default('127.0.0.1').describe('Address of the admin port.'),
		})
		.prefault({}),
	tls: z
		.strictObject({
			cert: z.string().default('').describe('PEM certificate chain for RTMPS. Re-read on SIGHUP.'),
			key: z.string().default('').describe('PEM private key for RTMPS. Re-read on SIGHUP.'),
		})
		.prefault({}),
	threads: z
		.strictObject({
			ingest: threads.default('auto').describe('Ingest threads; auto = half the cores, at least 1.'),
			delivery: threads.default('auto').describe('Delivery threads; auto = half the cores, at least 1.'),
			remux: threads.default('auto').describe('Remux threads; auto = a quarter of the cores, at least 1.'),
		})
		.prefault({}),
	ring: z
		.strictObject({
			duration: duration.default(10_000).describe('How much of a stream its ring holds.'),
			minSize: size.default(1024 ** 2).describe('Smallest ring, rounded up to a power of two.'),
			maxSize: size.default(32 * 1024 ** 2).describe('Largest ring, rounded up to a power of two; at most 32 MiB.'),
		})
		.prefault({}),
	publish: publishSchema.prefault({}),
	play: playSchema.prefault({}),
	record: recordSchema
		.extend({
			maxAge: duration.default(7 * 86_400_000).describe('Recordings older than this are removed. 0 = never. (reload)'),
			minFree: size.default(1024 ** 3).describe('Nothing new is recorded while less disk than this is free. (reload)'),
		})
		.prefault({}),
	limits: z
		.strictObject({
			connections: z.number().int().min(1).default(18_000).describe('Connections of one role process. (reload)'),
			connectionsPerAddress: z
				.number()
				.int()
				.min(0)
				.default(0)
				.describe('Connections from one address, per process; loopback is exempt. 0 = no limit. (reload)'),
			streams: z.number().int().min(1).default(1000).describe('Live streams. (reload)'),
			maxMessageSize: size.default(8 * 1024 ** 2 - 1024).describe('Largest RTMP message or FLV tag. (reload)'),
			handshakeTimeout: duration.default(10_000).describe('RTMP handshake and connect, HTTP request head. (reload)'),
		})
		.prefault({}),
	shutdown: z
		.strictObject({
			deadline: duration
				.default(10_000)
				.describe('SIGTERM: how long sessions and recordings may take to finish. (reload)'),
		})
		.prefault({}),
	log: z
		.strictObject({
			level: z
				.enum(['trace', 'debug', 'info', 'warn', 'error'])
				.default('info')
				.describe('Least severe level shown. (reload)'),
			format: z.enum(['auto', 'json', 'pretty']).default('auto').describe('auto = pretty on a terminal, else JSON.'),
		})
		.prefault({}),
	apps: z
		.record(nameSchema, appSchema)
		.default({})
		.describe('Overrides of publish, play and record for single apps. (reload)'),
});

export type Config = z.output<typeof configSchema>;
export type PublishPolicy = Config['publish'];
export type PlayPolicy = Config['play'];
export type RecordPolicy = z.output<typeof recordSchema>;

/** What applies to `app`: the sections with the app's own overrides laid over them. */
export function policyOf(
	config: Config,
	app: string,
): { publish: PublishPolicy; play: PlayPolicy; record: RecordPolicy } {
	const own = Object.hasOwn(config.apps, app) ? config.apps[app] : undefined;
	return {
		publish: overlay(config.publish, own?.publish),
		play: overlay(config.play, own?.play),
		record: overlay({ flv: config.record.flv }, own?.record),
	};
}

function overlay<T extends object>(base: T, own: { readonly [K in keyof T]?: T[K] | undefined } | undefined): T {
	const given = Object.entries(own ?? {}).filter(([, value]) => value !== undefined);
	return { ...base, ...Object.fromEntries(given) };
}
