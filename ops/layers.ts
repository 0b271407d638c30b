/** A place where code runs: a process, one of its threads, or a browser. */
export type Place = 'primary' | 'coordinator' | 'ingest' | 'delivery' | 'remux' | 'disk' | 'tools' | 'browser';

/** A folder (or file) of `src`. It imports from itself and from those before it in LAYERS. */
export type Layer = {
	folder: string;
	subject: string;
	/** The places where its code does its work; `everywhere` includes pages. */
	runsIn: readonly (Place | 'everywhere')[];
};

/** The house from the ground up. ARCHITECTURE.md prints it, test/architecture.test.ts holds imports against it. */
export const LAYERS: readonly Layer[] = [
	{ folder: 'errors', subject: 'the closed list of codes, `PeerError`, `Reason`, `assert`', runsIn: ['everywhere'] },
	{
		folder: 'stream-name',
		subject: 'the name of a stream, made and checked in one place',
		runsIn: ['primary', 'coordinator', 'ingest', 'delivery', 'remux', 'tools'],
	},
	{
		folder: 'bytes',
		subject: 'numbers, bits and buffers',
		runsIn: ['ingest', 'delivery', 'remux', 'tools', 'browser'],
	},
	{
		folder: 'codec',
		subject: 'headers of each codec, AMF, track configurations',
		runsIn: ['ingest', 'delivery', 'remux', 'tools'],
	},
	{
		folder: 'container',
		subject: 'FLV, MP4 and MPEG-TS, read and written',
		runsIn: ['ingest', 'delivery', 'remux', 'tools', 'browser'],
	},
	{
		folder: 'ring',
		subject: 'the frame ring and the part ring in shared memory',
		runsIn: ['coordinator', 'ingest', 'delivery', 'remux'],
	},
	{
		folder: 'protocol',
		subject: 'RTMP, chunked HTTP, WebSocket frames, playlists, manifests',
		runsIn: ['ingest', 'delivery', 'remux', 'tools'],
	},
	{
		folder: 'log',
		subject: 'log lines, access log, faults told once a second',
		runsIn: ['primary', 'coordinator', 'ingest', 'delivery'],
	},
	{
		folder: 'metrics',
		subject: 'counters in shared memory, the ledger, the catalogue, scraping',
		runsIn: ['primary', 'coordinator', 'ingest', 'delivery'],
	},
	{
		folder: 'config',
		subject: 'the schema, and file, environment and flags against it',
		runsIn: ['primary', 'coordinator', 'ingest', 'delivery', 'remux'],
	},
	{ folder: 'http', subject: 'error answers and CORS that all HTTP ports share', runsIn: ['delivery'] },
	{
		folder: 'access',
		subject: 'every request as one value, and the one place that judges it',
		runsIn: ['primary', 'ingest', 'delivery'],
	},
	{
		folder: 'stream',
		subject: 'one stream in one process: registry, directory, finder; `publish/` publications, `play/` hubs',
		runsIn: ['coordinator', 'ingest', 'delivery'],
	},
	{ folder: 'remux', subject: 'frames from and to FLV, MP4, MPEG-TS and CMAF', runsIn: ['remux', 'tools'] },
	{
		folder: 'record',
		subject: 'the recorder and its outputs: `flv/`, `fmp4/`, `hls/`; `disk/` writes',
		runsIn: ['coordinator', 'delivery', 'remux', 'disk'],
	},
	{ folder: 'live', subject: 'LL-HLS and live DASH', runsIn: ['coordinator', 'remux', 'delivery'] },
	{
		folder: 'relay',
		subject: 'streams from and to other servers: sources, targets, pulls',
		runsIn: ['coordinator', 'ingest', 'tools'],
	},
	{ folder: 'files', subject: 'files over HTTP, time shift, clips; `cache/` files of upstreams', runsIn: ['delivery'] },
	{ folder: 'ingest', subject: 'the RTMP server, pushes, the ingest thread', runsIn: ['ingest'] },
	{ folder: 'delivery', subject: 'the HTTP server, FLV plays and pushes, the delivery thread', runsIn: ['delivery'] },
	{
		folder: 'process',
		subject: 'a role process: the coordinator, its threads, recordings, packagings',
		runsIn: ['coordinator', 'ingest', 'delivery', 'remux'],
	},
	{ folder: 'admin', subject: 'the admin port', runsIn: ['primary'] },
	{ folder: 'primary', subject: 'the primary process: ports, role processes, signals', runsIn: ['primary'] },
	{ folder: 'cli', subject: 'the command line of the server', runsIn: ['primary'] },
	{ folder: 'tools', subject: 'the commands `push`, `pull`, `forward`, `remux`, `doctor`, `load`', runsIn: ['tools'] },
	{ folder: 'supervisor', subject: 'the entry: a tool or the server', runsIn: ['primary', 'tools'] },
	{ folder: 'web', subject: 'the pages; imports nothing above `container`', runsIn: ['browser'] },
];
