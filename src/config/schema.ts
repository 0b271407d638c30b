import { z } from 'zod';
import { shownAddress, splitCredentials } from '../protocol/credentials.js';
import { NAME_PATTERN } from '../stream-name.js';
import { duration, formatDuration, size } from './units.js';

/**
 * The one truth about configuration: YAML keys, environment names (MILLRACE_RTMP_PORT), types, defaults, documentation.
 * Durations come out in milliseconds, sizes in bytes. Every key is marked by `live` (takes effect on SIGHUP) or `fixed`
 * (needs a restart) around its description; config/keys.ts reads the marks.
 */

const live = (description: string) => ({ description, reload: true });
const fixed = (description: string) => ({ description, reload: false });

/** 0 = any free port; the log says which. */
const port = z.union([z.literal('off'), z.number().int().min(0).max(65_535)]);
const address = z.union([z.ipv4(), z.ipv6()]).meta({ expects: 'an IPv4 or IPv6 address' });
const threads = z.union([z.literal('auto'), z.number().int().min(1).max(64)]);
const MAX_PROCESSES = 64;

const UPSTREAM_PROTOCOLS = ['http:', 'https:', 'ws:', 'wss:', 'rtmp:', 'rtmps:'];
/** A base address: what comes behind it is the stream's path. User and password leave it here. */
const upstream = z
	.string()
	.refine(isUpstream)
	.transform(splitCredentials)
	.meta({ expects: 'a URL such as http://origin:8501', written: shownAddress });

const nameSchema = z.string().regex(NAME_PATTERN, 'expected 1 to 128 of A-Z a-z 0-9 _ -');

const publishSchema = z.strictObject({
	jitter: z
		.enum(['full', 'zero', 'off'])
		.default('full')
		.meta(
			live(
				'Timestamp repair: full = start at 0, repair jumps and backward steps; zero = start at 0 only; off = as sent.',
			),
		),
	grace: duration
		.default(10_000)
		.meta(live('Viewers stay and a recording stays open for this long after the publisher is lost.')),
	conflict: z
		.enum(['reject', 'takeover', 'takeover-if-stale'])
		.default('takeover-if-stale')
		.meta(live('A second publisher on a live name: refuse it, let it take over, or only take over from a stale one.')),
	staleAfter: duration.default(5000).meta(live('A publisher without media for this long is stale.')),
	idleTimeout: duration.default(30_000).meta(live('A publisher without media for this long is disconnected.')),
});

const playSchema = z.strictObject({
	mergeWindow: z
		.union([z.literal('auto'), z.number().int().min(0).max(1000)])
		.default('auto')
		.meta(live('Milliseconds of media written at once to all viewers; auto = as little as the load allows.')),
	maxLag: duration.default(30_000).meta(live('A viewer that stays behind for longer than this is disconnected.')),
	missing: z
		.enum(['404', 'wait'])
		.default('404')
		.meta(live('Playing a stream that is not live: answer at once that it is not there, or wait for it.')),
	waitTimeout: duration.default(15_000).meta(live('`missing: wait` waits this long before it answers 404.')),
});

const recordSchema = z.strictObject({
	flv: z
		.boolean()
		.default(true)
		.meta(live('Record every stream to flv/{app}/{name}/index.flv under `media`; a change applies to new takes.')),
	fmp4: z
		.boolean()
		.default(true)
		.meta(live('Record every stream to mp4/{app}/{name} as fMP4 segments with playlists, and as an MP4 at its end.')),
	hls: z
		.boolean()
		.default(true)
		.meta(live('Make HLS with MPEG-TS segments of every stream in hls/{app}/{name}; a change applies to new takes.')),
});

const liveHlsSchema = z.strictObject({
	lowLatency: z
		.boolean()
		.default(true)
		.meta(
			live(
				'Offer every stream with low latency, as LL-HLS (hls/{app}/{name}/live.m3u8) and DASH (live.mpd); for new streams.',
			),
		),
});

const dvrSchema = z.strictObject({
	window: duration
		.default(0)
		.meta(
			live(
				'Viewers can go back this far in a running stream; without record.fmp4, only this much is kept. 0 = as far as it is recorded.',
			),
		),
});

/** Defaults and overrides have the same keys; an app's own value wins over the section's. */
const appSchema = z.strictObject({
	publish: overridesOf(publishSchema).optional(),
	play: overridesOf(playSchema).optional(),
	record: overridesOf(recordSchema).optional(),
	hls: overridesOf(liveHlsSchema).optional(),
	dvr: overridesOf(dvrSchema).optional(),
});

export const configSchema = z.strictObject({
	host: address.default('::').meta(fixed('Address to listen on; :: is every IPv4 and IPv6 address.')),
	media: z.string().min(1).default('media').meta(fixed('Directory of recordings.')),
	rtmp: z
		.strictObject({
			port: port.default(1935).meta(fixed('RTMP publish and play.')),
			tlsPort: port.default('off').meta(fixed('RTMPS publish and play; needs `tls`.')),
			chunkSize: z.number().int().min(128).max(65_536).default(60_000).meta(fixed('Chunk size that we send with.')),
			ackWindow: size.default(2_500_000).meta(fixed('Window Acknowledgement Size that we ask peers to keep.')),
			pingInterval: duration.default(30_000).meta(fixed('An RTMP peer is pinged this often.')),
			pingTimeout: duration
				.default(60_000)
				.meta(fixed('An RTMP peer that sends nothing for this long is disconnected.')),
		})
		.prefault({}),
	http: z
		.strictObject({
			port: port.default(8501).meta(fixed('HTTP-FLV and WebSocket-FLV, push and play; files and pages.')),
			corsOrigins: z.array(z.string()).default(['*']).meta(live('Allowed origins of web pages; * = any.')),
		})
		.prefault({}),
	files: z
		.strictObject({
			port: port
				.default(80)
				.meta(fixed('Files and pages. When it was not asked for and 80 may not be bound: 8000, with a warning.')),
			memory: size.default(64 * 1024 ** 2).meta(fixed('Small files that each delivery thread keeps in memory.')),
			accessLog: z
				.string()
				.default('')
				.meta(
					fixed(
						'File that requests for files are logged to; - = standard output, empty = nowhere. SIGHUP opens it anew.',
					),
				),
			accessLogFormat: z
				.enum(['combined', 'json'])
				.default('combined')
				.meta(fixed('combined = as Apache and nginx write it; json = an object a line.')),
			listing: z.boolean().default(false).meta(live('Show what is in a directory when its path ends with a slash.')),
		})
		.prefault({}),
	cache: z
		.strictObject({
			memory: size
				.default(256 * 1024 ** 2)
				.meta(fixed('Memory for files of upstreams in a file gateway, in all threads.')),
			directory: z
				.string()
				.default('')
				.meta(fixed('Directory in which a file gateway keeps segments; empty = in memory only.')),
			disk: size.default(10 * 1024 ** 3).meta(fixed('Space for files in `directory`.')),
			maxObject: size
				.default(32 * 1024 ** 2)
				.meta(live('Larger objects are not kept: each request for one goes to the upstream.')),
			notFound: duration.default(1000).meta(live('An upstream that does not have a file is asked again after this.')),
			staleIfError: duration
				.default(3_600_000)
				.meta(live('Old copies are given out for this long while no upstream answers.')),
		})
		.prefault({}),
	admin: z
		.strictObject({
			port: port.default(9750).meta(fixed('/metrics, /healthz, /readyz, /api/v1.')),
			host: address.default('127.0.0.1').meta(fixed('Address of the admin port.')),
		})
		.prefault({}),
	tls: z
		.strictObject({
			cert: z.string().default('').meta(live('PEM file of the certificate chain for RTMPS. Read again on SIGHUP.')),
			key: z.string().default('').meta(live('PEM file of the private key for RTMPS. Read again on SIGHUP.')),
		})
		.prefault({}),
	threads: z
		.strictObject({
			ingest: threads.default('auto').meta(fixed('Ingest threads; auto = half the cores, at least 1.')),
			delivery: threads.default('auto').meta(fixed('Delivery threads; auto = half the cores, at least 1.')),
			remux: threads.default('auto').meta(fixed('Remux threads; auto = a quarter of the cores, at least 1.')),
		})
		.prefault({}),
	ring: z
		.strictObject({
			duration: duration.default(10_000).meta(fixed('A ring holds this much of its stream.')),
			minSize: size.default(1024 ** 2).meta(fixed('Smallest ring, rounded up to a power of two.')),
			maxSize: size.default(32 * 1024 ** 2).meta(fixed('Largest ring, rounded up to a power of two; at most 32MiB.')),
		})
		.prefault({}),
	publish: publishSchema.prefault({}),
	play: playSchema.prefault({}),
	record: recordSchema
		.extend({
			maxAge: duration.default(7 * 86_400_000).meta(live('Recordings older than this are removed. 0 = never.')),
			maxSize: size
				.default(0)
				.meta(live('The oldest FLV and fMP4 takes are removed when all of them take more than this. 0 = no limit.')),
			minFree: size.default(1024 ** 3).meta(live('Nothing new is recorded while less disk than this is free.')),
		})
		.prefault({}),
	hls: liveHlsSchema
		.extend({
			partTarget: duration
				.refine((ms) => ms >= 100 && ms <= 2000, 'expected 100ms to 2s')
				.meta({ expects: 'a duration from 100ms to 2s', written: formatDuration })
				.default(333)
				.meta(live('Longest part of LL-HLS and chunk of DASH; viewers are three parts behind.')),
			liveSegment: duration
				.default(1500)
				.meta(
					live(
						'Segments of LL-HLS and live DASH end at the first keyframe after this; players without it are three behind.',
					),
				),
			segment: duration.default(4000).meta(live('Segments, also of fMP4, end at the first keyframe after this.')),
			maxSegment: duration.default(8000).meta(live('Segments end after this even without a keyframe.')),
			type: z
				.enum(['live', 'event'])
				.default('live')
				.meta(live('HLS playlists of MPEG-TS: live = old segments leave; event = everything since the take began.')),
			window: duration
				.default(60_000)
				.meta(live('hls/{app}/{name}/index.m3u8 lists this much of a live stream, at least three target durations.')),
			cleanup: z
				.boolean()
				.default(true)
				.meta(live('Remove segments soon after they have left the playlist; else they stay for record.maxAge.')),
			encryption: z
				.strictObject({
					enabled: z.boolean().default(false),
					rotate: z.number().int().min(1).max(100_000).default(10),
				})
				.default({ enabled: false, rotate: 10 })
				.meta({
					...live('AES-128 for MPEG-TS segments; another key after every so many (`rotate`).'),
					expects: '{ enabled, rotate }',
				}),
			variants: z
				.array(
					z.strictObject({
						suffix: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, 'expected 1 to 32 of A-Z a-z 0-9 _ -'),
						bandwidth: z.number().int().min(1),
						resolution: z
							.string()
							.regex(/^(\d{1,5}x\d{1,5})?$/, 'expected a size such as 1280x720')
							.default(''),
					}),
				)
				.default([])
				.meta({
					...live('Streams {name}{suffix} are offered as one, hls/{app}/{name}.m3u8; bandwidth in bits per second.'),
					expects: 'a list of { suffix, bandwidth, resolution }',
				}),
		})
		.prefault({}),
	dvr: dvrSchema.prefault({}),
	delivery: z
		.strictObject({
			processes: z
				.number()
				.int()
				.min(0)
				.max(MAX_PROCESSES)
				.default(0)
				.meta(fixed('Processes of an origin that only deliver, on the same HTTP and files ports, besides its own.')),
		})
		.prefault({}),
	limits: z
		.strictObject({
			connections: z.number().int().min(1).default(18_000).meta(live('Connections of one role process.')),
			connectionsPerAddress: z
				.number()
				.int()
				.min(0)
				.default(0)
				.meta(live('Connections from one address, per process; loopback is exempt. 0 = no limit.')),
			streams: z.number().int().min(1).default(1000).meta(live('Live streams.')),
			maxMessageSize: size.default(8 * 1024 ** 2 - 1024).meta(live('Largest RTMP message or FLV tag.')),
			handshakeTimeout: duration.default(10_000).meta(live('RTMP handshake and connect, HTTP request head.')),
		})
		.prefault({}),
	gateway: z
		.strictObject({
			upstreams: z
				.array(upstream)
				.default([])
				.meta({
					...live(
						'Servers that a gateway gets its streams from, in order of preference; a change holds for the next connection.',
					),
					expects: 'a list of URLs such as http://origin:8501 (http, https, ws, wss, rtmp or rtmps)',
				}),
			processes: z
				.number()
				.int()
				.min(1)
				.max(MAX_PROCESSES)
				.default(1)
				.meta(fixed('Equal processes of a gateway behind the same ports; each pulls and caches for itself.')),
			linger: duration
				.default(10_000)
				.meta(live('A stream is still pulled for this long after its last viewer has left.')),
			stallTimeout: duration
				.default(10_000)
				.meta(
					live('An upstream that does not connect, answer or send anything for this long is given up for another.'),
				),
			reconnectMin: duration.default(200).meta(live('First pause after every upstream has failed; doubles each time.')),
			reconnectMax: duration.default(5000).meta(live('Longest pause between attempts; there is no last attempt.')),
		})
		.prefault({}),
	shutdown: z
		.strictObject({
			deadline: duration.default(10_000).meta(live('SIGTERM: how long sessions and recordings may take to finish.')),
		})
		.prefault({}),
	log: z
		.strictObject({
			level: z
				.enum(['trace', 'debug', 'info', 'warn', 'error'])
				.default('info')
				.meta(live('Least severe level shown.')),
			statistics: duration
				.default(0)
				.meta(fixed('Viewers, streams and traffic are logged this often; 0 = never. Gateways: 10s.')),
			format: z.enum(['auto', 'json', 'pretty']).default('auto').meta(fixed('auto = pretty on a terminal, else JSON.')),
		})
		.prefault({}),
	apps: z
		.record(nameSchema, appSchema)
		.default({})
		.meta({
			...live('Overrides of publish, play, record, dvr and hls.lowLatency for single apps, by app name.'),
			expects: 'a map of app names to publish, play, record, dvr and hls overrides',
		}),
});

export type Config = z.output<typeof configSchema>;
export type PublishPolicy = Config['publish'];
export type PlayPolicy = Config['play'];
export type RecordPolicy = z.output<typeof recordSchema>;
export type AppPolicy = {
	publish: PublishPolicy;
	play: PlayPolicy;
	record: RecordPolicy;
	hls: z.output<typeof liveHlsSchema>;
	dvr: z.output<typeof dvrSchema>;
};

function isUpstream(text: string): boolean {
	const url = URL.canParse(text) ? new URL(text) : null;
	return url !== null && UPSTREAM_PROTOCOLS.includes(url.protocol) && url.hostname !== '' && url.search === '';
}

type Overridable = Readonly<Record<string, z.ZodDefault<z.ZodType>>>;
type Overrides<S extends Overridable> = { [K in keyof S]: z.ZodOptional<ReturnType<S[K]['unwrap']>> };

/** The section with every key optional and without its default: zod's `partial()` would fill the defaults in. */
function overridesOf<S extends Overridable>(section: z.ZodObject<S>) {
	const shape = Object.entries(section.shape).map(([key, schema]) => [key, (schema as S[keyof S]).unwrap().optional()]);
	return z.strictObject(Object.fromEntries(shape) as Overrides<S>);
}
