import { Lifecycle, RecordFlag, RecordKind, StreamFlag, viewRing, Word } from '#src/ring/layout.js';
import { type HeaderSlot, RingWriter } from '#src/ring/ring-writer.js';
import type { StreamInfo } from '#src/stream/thread-messages.js';
import { streamName } from '#src/stream-name.js';

const AVC_HEADER = Buffer.from('17000000000142001fffe1000467420016010004 68ce3880'.replaceAll(' ', ''), 'hex');
const AAC_HEADER = Buffer.from('af001210', 'hex');
const META = Buffer.from('02000a6f6e4d65746144617461080000000000000009', 'hex');

let lastStreamId = 0;

export type LiveStreamOptions = {
	app?: string;
	name?: string;
	ringBytes?: number;
	audio?: boolean;
	video?: boolean;
	ready?: boolean;
};

/** A stream whose ring a test feeds by hand. Every frame's body ends with its serial number, so that a viewer can be checked. */
export class LiveStream {
	readonly info: StreamInfo;
	writer: RingWriter;
	serial = 0;
	dtsMs = 1000;
	readonly #flags: number;

	constructor({ app = 'live', name = 'test', ringBytes = 2 ** 20, ...tracks }: LiveStreamOptions = {}) {
		const ring = RingWriter.allocate(ringBytes);
		this.info = { streamId: ++lastStreamId, name: streamName(app, name), ring, counterSlot: 1 };
		this.writer = RingWriter.attach(ring, 0);
		const { audio = true, video = true, ready = true } = tracks;
		this.#flags = (audio ? StreamFlag.hasAudio : 0) | (video ? StreamFlag.hasVideo : 0);
		this.writer.setHeaders(standardHeaders(audio, video));
		if (ready) {
			this.makeReady();
		}
	}

	makeReady(): void {
		this.writer.setFlags(this.#flags | StreamFlag.ready);
	}

	/** One video frame of `size` bytes, then the clock goes on by 40 ms. @returns its serial number. */
	video(keyframe: boolean, size = 1000): number {
		const body = frameBody(Buffer.from([keyframe ? 0x17 : 0x27, 1, 0, 0, 0]), size, ++this.serial);
		this.writer.write(RecordKind.video, keyframe ? RecordFlag.keyframe : 0, 0, this.dtsMs, body);
		this.dtsMs += 40;
		return this.serial;
	}

	audio(size = 100): number {
		const body = frameBody(Buffer.from([0xaf, 1]), size, ++this.serial);
		this.writer.write(RecordKind.audio, 0, 0, this.dtsMs, body);
		return this.serial;
	}

	/** A keyframe and `frames - 1` others, each with an audio frame. */
	gop(frames = 10, size = 1000): void {
		for (let frame = 0; frame < frames; frame++) {
			this.video(frame === 0, size);
			this.audio();
		}
	}

	splice(): void {
		this.writer.write(RecordKind.splice, 0, 0, this.dtsMs, Buffer.alloc(0));
	}

	/** New sequence headers, in the order of stores that ingest keeps. */
	changeHeaders(headers: HeaderSlot[]): void {
		this.writer.clearStartPoints();
		this.writer.setHeaders(headers);
		for (const { kind, trackId, body } of headers) {
			this.writer.write(kind, 0, trackId, this.dtsMs, body);
		}
	}

	grow(ringBytes: number): void {
		this.writer = this.writer.grow(ringBytes);
		this.info.ring = this.writer.ring;
	}

	end(): void {
		this.writer.write(RecordKind.end, 0, 0, this.dtsMs, Buffer.alloc(0));
		const { words } = viewRing(this.writer.ring);
		Atomics.store(words, Word.lifecycle, Lifecycle.ended);
		Atomics.notify(words, Word.tail);
	}
}

export function standardHeaders(audio: boolean, video: boolean): HeaderSlot[] {
	return [
		...(audio ? [{ kind: RecordKind.audioHeader, trackId: 0, body: AAC_HEADER }] : []),
		...(video ? [{ kind: RecordKind.videoHeader, trackId: 0, body: AVC_HEADER }] : []),
		{ kind: RecordKind.script, trackId: 0, body: META },
	];
}

function frameBody(head: Buffer, size: number, serial: number): Buffer {
	const body = Buffer.alloc(Math.max(size, head.length + 4), serial & 0xff);
	head.copy(body);
	body.writeUInt32BE(serial, body.length - 4);
	return body;
}
