import { serializeAmf0 } from '#src/codec/amf0.js';
import { Lifecycle, RecordFlag, RecordKind, StreamFlag } from '#src/ring/layout.js';
import { RingControl } from '#src/ring/ring-control.js';
import { type HeaderSlot, RingWriter } from '#src/ring/ring-writer.js';
import * as vectors from '../codec/vectors.js';

/** A header that can be taken apart: a packager of the frames must know the size of the picture. */
export const AVC_HEADER = Buffer.concat([Buffer.from('1700000000', 'hex'), vectors.avcC]);
export const AAC_HEADER = Buffer.from('af001210', 'hex');
const AUDIO_FRAME = Buffer.from('af0121001122', 'hex');

/** Bytes of a video tag in front of its NAL units: frame type and codec, packet type, composition time. */
const TAG_HEAD_BYTES = 5;
const NAL_LENGTH_BYTES = 4;
const NAL_IDR = 0x65;
const NAL_SLICE = 0x41;

/** Writes a ring as an ingest thread does, with made-up frames. */
export class RingFeed {
	writer: RingWriter;
	#flags = 0;

	constructor(capacityBytes = 1024 ** 2) {
		const ring = RingWriter.allocate(capacityBytes);
		this.writer = RingWriter.attach(ring, new RingControl(ring).grantWriter());
	}

	get ring(): SharedArrayBuffer {
		return this.writer.ring;
	}

	/** Makes the tracks known; their headers are in the slots and in the ring. */
	open({ audio = true, video = true } = {}, metadata: Record<string, string | number> = {}): this {
		const script = { kind: RecordKind.script, trackId: 0, body: serializeAmf0('onMetaData', metadata) };
		const slots: HeaderSlot[] = [
			script,
			...(video ? [{ kind: RecordKind.videoHeader, trackId: 0, body: AVC_HEADER }] : []),
			...(audio ? [{ kind: RecordKind.audioHeader, trackId: 0, body: AAC_HEADER }] : []),
		];
		for (const { kind, trackId, body } of slots) {
			this.writer.write(kind, 0, trackId, 0, body);
		}
		this.writer.setHeaders(slots);
		this.#flags = StreamFlag.ready | (audio ? StreamFlag.hasAudio : 0) | (video ? StreamFlag.hasVideo : 0);
		this.writer.setFlags(this.#flags);
		return this;
	}

	audio(dtsMs: number, { start = false } = {}): this {
		if (start) {
			this.writer.markStartPoint(dtsMs);
		}
		this.writer.write(RecordKind.audio, 0, 0, dtsMs, AUDIO_FRAME);
		return this;
	}

	video(dtsMs: number, keyframe: boolean, sizeBytes = 100): this {
		const body = Buffer.alloc(sizeBytes, keyframe ? 0x4b : 0x50);
		body.set([keyframe ? 0x17 : 0x27, 1, 0, 0, 0]);
		body.writeUInt32BE(sizeBytes - TAG_HEAD_BYTES - NAL_LENGTH_BYTES, TAG_HEAD_BYTES);
		body[TAG_HEAD_BYTES + NAL_LENGTH_BYTES] = keyframe ? NAL_IDR : NAL_SLICE;
		this.writer.write(RecordKind.video, keyframe ? RecordFlag.keyframe : 0, 0, dtsMs, body);
		return this;
	}

	/** Groups of a keyframe every second and a frame every 100 ms, with audio, from `fromMs` up to `toMs`. */
	gops(fromMs: number, toMs: number, sizeBytes?: number): this {
		for (let dtsMs = fromMs; dtsMs < toMs; dtsMs += 100) {
			this.video(dtsMs, dtsMs % 1000 === 0, sizeBytes).audio(dtsMs + 50);
		}
		return this;
	}

	splice(dtsMs: number): this {
		this.writer.write(RecordKind.splice, 0, 0, dtsMs, new Uint8Array(0));
		return this;
	}

	end(dtsMs: number): this {
		this.writer.write(RecordKind.end, 0, 0, dtsMs, new Uint8Array(0));
		new RingControl(this.ring).setLifecycle(Lifecycle.ended);
		return this;
	}
}
