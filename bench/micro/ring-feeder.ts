import { readlinkSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { classifyAudio, classifyVideo } from '#src/container/flv/classify.js';
import { RecordFlag, RecordKind, StreamFlag } from '#src/ring/layout.js';
import { RingControl } from '#src/ring/ring-control.js';
import { type HeaderSlot, RingWriter } from '#src/ring/ring-writer.js';
import { loadClip } from '#src/tools/load/clip.js';
import { type Tag, TagType } from '#src/tools/load/flv-scanner.js';

/**
 * `phaseMs`: how much further each stream is than the one before it. `kbps`: the clip's pictures (H.264, lengths of 4 bytes) are filled
 * up to this; 0 = as they are.
 */
export type FeedOptions = { rings: readonly SharedArrayBuffer[]; file: string; phaseMs: number; kbps: number };

/** Often enough for a recorder, which looks once a second. */
const STEP_MS = 100;
const FILLER_DATA_UNIT = 12; // nal_unit_type, Rec. ITU-T H.264 7.3.2.7
const AUDIO = { header: RecordKind.audioHeader, media: RecordKind.audio, classify: classifyAudio };
const VIDEO = { header: RecordKind.videoHeader, media: RecordKind.video, classify: classifyVideo };

/** Writes a clip into many rings at the speed of its timestamps; says in which thread it runs. */
function feed({ rings, file, phaseMs, kbps }: FeedOptions): void {
	const clip = loadClip(file);
	const pictures = clip.frames.filter(({ type }) => type === TagType.video).length;
	const pictureBytes = ((kbps / 8) * clip.durationMs) / pictures;
	const frames = clip.frames.map((tag) => ({
		...recordOf(tag),
		dtsMs: tag.dtsMs,
		body: tag.type === TagType.video ? fill(tag.body, pictureBytes) : tag.body,
	}));
	const streams = rings.map((ring, index) => {
		const writer = RingWriter.attach(ring, new RingControl(ring).grantWriter());
		const slots = clip.headers.map((tag): HeaderSlot => ({ kind: recordOf(tag).kind, trackId: 0, body: tag.body }));
		writer.setHeaders(slots);
		writer.setFlags(StreamFlag.ready | StreamFlag.hasAudio | StreamFlag.hasVideo);
		return { writer, phaseMs: index * phaseMs, next: 0 };
	});
	const startedAtMs = performance.now();
	const step = (): void => {
		const nowMs = performance.now() - startedAtMs;
		for (const stream of streams) {
			for (;;) {
				const { kind, flags, dtsMs, body } = frames[stream.next % frames.length]!;
				const timeMs = dtsMs + Math.floor(stream.next / frames.length) * clip.durationMs;
				if (timeMs > nowMs + stream.phaseMs) {
					break;
				}
				stream.writer.write(kind, flags, 0, timeMs, body);
				stream.next++;
			}
		}
	};
	step();
	setInterval(step, STEP_MS);
	parentPort?.postMessage(Number(readlinkSync('/proc/thread-self').split('/').at(-1)));
}

function recordOf({ type, body }: Tag): { kind: RecordKind; flags: number } {
	if (type === TagType.script) {
		return { kind: RecordKind.script, flags: 0 };
	}
	const { header, media, classify } = type === TagType.audio ? AUDIO : VIDEO;
	const { role, keyframe } = classify(body);
	const isKeyframe = type === TagType.video && keyframe;
	return { kind: role === 'sequenceHeader' ? header : media, flags: isKeyframe ? RecordFlag.keyframe : 0 };
}

/** With a unit of filler data behind it, which decoders skip. */
function fill(body: Buffer, bytes: number): Buffer {
	const unitBytes = Math.floor(bytes) - body.length - 4;
	if (unitBytes < 2) {
		return body;
	}
	const filler = Buffer.alloc(4 + unitBytes, 0xff);
	filler.writeUInt32BE(unitBytes);
	filler[4] = FILLER_DATA_UNIT;
	filler[filler.length - 1] = 0x80;
	return Buffer.concat([body, filler]);
}

feed(workerData as FeedOptions);
