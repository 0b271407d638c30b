import pino from 'pino';
import { configSchema } from '#src/config/schema.js';
import { DeliveryRole } from '#src/delivery/delivery-role.js';
import { Counters } from '#src/metrics/counters.js';
import { bindHandle, boundPort } from '#src/primary/server-handle.js';
import { RecordFlag, RecordKind, StreamFlag } from '#src/ring/layout.js';
import { RingWriter } from '#src/ring/ring-writer.js';
import { allocateConnectionTable } from '#src/stream/connection-table.js';
import { streamName } from '#src/stream-name.js';
import { BAR_CLIP, loadClip } from '#src/tools/load/clip.js';
import { isKeyframe, isSequenceHeader, type Tag, TagType } from '#src/tools/load/flv-scanner.js';

/** A delivery role alone in its process, its ring fed from here: the other half of fan-out.ts. */
const [mergeWindow = 'auto'] = process.argv.slice(2);
const FEED_INTERVAL_MS = 5;

const handle = bindHandle('127.0.0.1', 0);
if (typeof handle === 'string') {
	throw new Error(handle);
}
const counters = new Counters();
const ring = RingWriter.allocate(1024 ** 2);
const role = new DeliveryRole(
	{
		kind: 'delivery',
		index: 0,
		config: configSchema.parse({ play: { mergeWindow: mergeWindow === 'auto' ? mergeWindow : Number(mergeWindow) } }),
		listeners: { http: handle.fd },
		counters: counters.slab,
		connections: { table: allocateConnectionTable(1), share: 0 },
		server: { role: 'origin', ports: {} },
		relay: { processId: '00000000', onDemand: false },
		heartbeat: new SharedArrayBuffer(4),
		streams: [{ streamId: 1, name: streamName('live', 'bench'), ring, counterSlot: 1 }],
	},
	() => undefined,
	pino({ level: 'warn' }),
);
feed(RingWriter.attach(ring, 0));
await role.start();
process.send?.({ port: boundPort(handle) });
process.on('message', () => {
	const windowMs = counters.get('currentMergeWindowMs');
	process.send?.({ flushes: counters.get('flushes'), flushMs: counters.get('flushMs'), windowMs });
});
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));

/** The bar's clip, for ever, at its own pace. */
function feed(writer: RingWriter): void {
	const clip = loadClip(BAR_CLIP);
	const headers = clip.headers.filter(isSequenceHeader);
	writer.setHeaders(headers.map(({ type, body }) => ({ kind: headerKind(type), trackId: 0, body })));
	writer.setFlags(StreamFlag.hasAudio | StreamFlag.hasVideo | StreamFlag.ready);
	const startedAtMs = performance.now();
	let next = 0;
	setInterval(() => {
		for (; clip.frame(next).dtsMs <= performance.now() - startedAtMs; next++) {
			write(writer, clip.frame(next));
		}
	}, FEED_INTERVAL_MS);
}

function write(writer: RingWriter, frame: Tag): void {
	const kind = frame.type === TagType.video ? RecordKind.video : RecordKind.audio;
	writer.write(kind, isKeyframe(frame) ? RecordFlag.keyframe : 0, 0, frame.dtsMs, frame.body);
}

function headerKind(type: number): RecordKind {
	return type === TagType.video ? RecordKind.videoHeader : RecordKind.audioHeader;
}
