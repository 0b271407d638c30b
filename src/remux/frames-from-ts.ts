// Spec: ISO/IEC 13818-1 2.4.3.6 (PES); H.264 and H.265 annex B; ISO/IEC 14496-3 1.A.3 (ADTS); the Opus in TS draft
import { parseAdtsHeader } from '../codec/aac/adts.js';
import { parseAc3SyncFrame } from '../codec/ac3/sync-frame.js';
import type { AudioCodec } from '../codec/codec-name.js';
import { parseMp3FrameHeader } from '../codec/mp3/frame-header.js';
import {
	OPUS_SAMPLE_RATE,
	opusPacketSamples,
	REFERENCE_PRE_SKIP,
	serializeOpusHead,
} from '../codec/opus/identification-header.js';
import type { TrackConfig } from '../codec/track-config.js';
import { type PesPacket, TsDemuxer } from '../container/mpegts/demuxer.js';
import { type ElementaryStream, opusChannels, registeredFormat, StreamType } from '../container/mpegts/stream-type.js';
import { TICKS_PER_SECOND, TimestampUnwrapper } from '../container/mpegts/timestamp.js';
import { PeerError } from '../errors.js';
import type { FrameSink } from './frame.js';
import { FrameQueue, type QueuedFrame } from './frame-queue.js';
import type { AudioSamples } from './samples/audio-samples.js';
import { NalSamples } from './samples/nal-samples.js';
import { audioSamplesOf } from './samples/samples.js';

const TICKS_PER_MS = TICKS_PER_SECOND / 1000;
const NOTHING = Buffer.alloc(0);
/** Frames of one track that wait for the other. */
const MAX_QUEUED_FRAMES = 256;

/** A frame of sound, with its header if it has one: `bytes[start, end)`. It plays for `ticks` of 90 kHz. */
type SoundFrame = { start: number; end: number; ticks: number };
/** Finds the next whole frame at or after `at`. */
type SoundCutter = (bytes: Buffer, at: number) => SoundFrame | null;
type SoundFormat = { codec: AudioCodec; cut: SoundCutter };

/** Transport stream to frames: bytes in, cut anywhere. Of each kind the first stream is taken. */
export class FramesFromTs {
	readonly #sink: FrameSink;
	readonly #demuxer: TsDemuxer;
	/** The configurations that the sink knows. */
	readonly #configs: { video: TrackConfig | null; audio: TrackConfig | null } = { video: null, audio: null };
	readonly #unwrappers = new Map<number, TimestampUnwrapper>();
	#video: ElementaryStream | null = null;
	#audio: ElementaryStream | null = null;
	#pictures: NalSamples | null = null;
	#sounds: AudioSamples | null = null;
	/** Sound that runs over the end of its PES packet. */
	#carry: Buffer = NOTHING;
	#nextAudioTicks = 0;
	#originMs = Number.NaN;
	/** A muxer writes a picture when it comes but lets sound wait for company: frames are put in order again. */
	readonly #queue = new FrameQueue();
	readonly #take = (frame: QueuedFrame): void => {
		if (Number.isNaN(this.#originMs)) {
			this.#originMs = frame.dtsMs;
			// A sink hears of both tracks before the first frame.
			const other = frame.kind === 'video' ? 'audio' : 'video';
			this.#announce(other, this.#queue.configOf(other));
		}
		this.#announce(frame.kind, frame.config);
		frame.dtsMs -= this.#originMs;
		this.#sink.frame(frame);
	};

	constructor(sink: FrameSink) {
		this.#sink = sink;
		this.#demuxer = new TsDemuxer({
			streams: (streams) => this.#choose(streams),
			packet: (stream, packet) => this.#packet(stream, packet),
		});
	}

	/** The next bytes, borrowed until return. Throws PeerError TS_PACKET, CODEC_CONFIG. */
	push(bytes: Buffer): void {
		this.#demuxer.push(bytes);
	}

	/** Throws PeerError TS_PACKET when there was no stream that can be repackaged. */
	end(): void {
		this.#demuxer.end();
		this.#queue.deliver(0, this.#take);
		if (this.#configs.video === null && this.#configs.audio === null) {
			throw new PeerError('TS_PACKET', 'no video or audio that can be repackaged');
		}
		this.#sink.end();
	}

	#choose(streams: readonly ElementaryStream[]): void {
		const isVideo = ({ streamType }: ElementaryStream): boolean =>
			streamType === StreamType.h264 || streamType === StreamType.h265;
		this.#video = streams.find(isVideo) ?? null;
		this.#audio = streams.find((stream) => soundFormatOf(stream) !== null) ?? null;
		this.#pictures =
			this.#video === null ? null : new NalSamples(this.#video.streamType === StreamType.h265 ? 'h265' : 'h264');
		this.#sounds = this.#audio === null ? null : soundSamplesOf(this.#audio);
		this.#carry = NOTHING;
	}

	#packet(stream: ElementaryStream, packet: PesPacket): void {
		if (stream === this.#video && this.#pictures !== null && !Number.isNaN(packet.dts)) {
			const dts = this.#unwrap(stream.pid, packet.dts);
			const reorder = packet.pts - packet.dts;
			this.#picture(this.#pictures, packet.payload, dts, reorder < -(2 ** 32) ? reorder + 2 ** 33 : reorder);
		} else if (stream === this.#audio) {
			const pts = Number.isNaN(packet.pts) ? this.#nextAudioTicks : this.#unwrap(stream.pid, packet.pts);
			this.#sound(stream, packet.payload, pts);
		}
	}

	#unwrap(pid: number, ticks: number): number {
		let unwrapper = this.#unwrappers.get(pid);
		if (unwrapper === undefined) {
			unwrapper = new TimestampUnwrapper();
			this.#unwrappers.set(pid, unwrapper);
		}
		return unwrapper.unwrap(ticks);
	}

	#picture(samples: NalSamples, bytes: Buffer, dts: number, reorder: number): void {
		if (samples.accept(bytes, null) && samples.config !== null) {
			const frame = this.#queue.add('video', samples.payloadBytes, samples.config);
			samples.copyTo(frame.payload);
			frame.dtsMs = dts / TICKS_PER_MS;
			frame.compositionTimeMs = reorder / TICKS_PER_MS;
			frame.keyframe = samples.keyframe;
			this.#deliver();
		}
	}

	#sound(stream: ElementaryStream, payload: Buffer, pts: number): void {
		const format = soundFormatOf(stream);
		if (format === null) {
			return;
		}
		// A frame that began in the packet before is at that packet's time; the PTS is of the first that begins here.
		let ticks = this.#carry.length > 0 ? this.#nextAudioTicks : pts;
		const carried = this.#carry.length;
		const bytes = carried > 0 ? Buffer.concat([this.#carry, payload]) : payload;
		let at = 0;
		while (at < bytes.length) {
			const found = format.cut(bytes, at);
			if (found === null) {
				break;
			}
			this.#soundFrame(bytes.subarray(found.start, found.end), ticks);
			ticks = at < carried && found.end >= carried ? pts : ticks + found.ticks;
			at = found.end;
		}
		this.#nextAudioTicks = ticks;
		this.#carry = at < bytes.length ? Buffer.from(bytes.subarray(at)) : NOTHING;
	}

	#soundFrame(bytes: Buffer, ticks: number): void {
		const samples = this.#sounds!;
		samples.accept(bytes);
		if (samples.fault === '' && samples.config !== null) {
			const queued = this.#queue.add('audio', samples.payload.length, samples.config);
			queued.payload.set(samples.payload);
			queued.dtsMs = ticks / TICKS_PER_MS;
			this.#deliver();
		}
	}

	#announce(kind: 'video' | 'audio', config: TrackConfig | null): void {
		if (config !== null && config !== this.#configs[kind]) {
			this.#configs[kind] = config;
			this.#sink.track({ kind, sourceId: 0, config });
		}
	}

	#deliver(): void {
		const expectsBoth = this.#video !== null && this.#audio !== null;
		this.#queue.deliver(expectsBoth ? MAX_QUEUED_FRAMES : 0, this.#take);
	}
}

function soundFormatOf(stream: ElementaryStream): SoundFormat | null {
	switch (stream.streamType) {
		case StreamType.aacAdts:
			return { codec: 'aac', cut: cutAdts };
		case StreamType.mpeg1Audio:
		case StreamType.mpeg2Audio:
			return { codec: 'mp3', cut: cutMp3 };
		case StreamType.ac3:
		case StreamType.eac3:
			return { codec: 'ac3', cut: cutAc3 };
		case StreamType.privateData:
			return registeredFormat(stream.descriptors) === 'Opus' ? { codec: 'opus', cut: cutOpus } : null;
		default:
			return null;
	}
}

function soundSamplesOf(stream: ElementaryStream): AudioSamples | null {
	const format = soundFormatOf(stream);
	const samples = format === null ? null : audioSamplesOf(format.codec);
	if (format?.codec === 'opus') {
		samples?.header(
			serializeOpusHead({
				...{ channels: opusChannels(stream.descriptors) || 2, preSkip: REFERENCE_PRE_SKIP },
				...{ inputSampleRate: OPUS_SAMPLE_RATE, outputGain: 0, mappingFamily: 0, mapping: NOTHING },
			}),
		);
	}
	return samples;
}

function cutAdts(bytes: Buffer, from: number): SoundFrame | null {
	for (let start = from; start < bytes.length; start++) {
		const header = parseAdtsHeader(bytes, start);
		if (header !== null) {
			const end = start + header.frameBytes;
			return end > bytes.length ? null : { start, end, ticks: (1024 * TICKS_PER_SECOND) / header.sampleRate };
		}
	}
	return null;
}

function cutMp3(bytes: Buffer, from: number): SoundFrame | null {
	for (let start = from; start < bytes.length; start++) {
		const header = parseMp3FrameHeader(bytes, start);
		if (header !== null && header.frameBytes > 0) {
			const end = start + header.frameBytes;
			const ticks = (header.frameSamples * TICKS_PER_SECOND) / header.sampleRate;
			return end > bytes.length ? null : { start, end, ticks };
		}
	}
	return null;
}

function cutAc3(bytes: Buffer, from: number): SoundFrame | null {
	for (let start = from; start < bytes.length; start++) {
		const header = parseAc3SyncFrame(bytes, start);
		if (header !== null) {
			const end = start + header.frameBytes;
			const ticks = (header.frameSamples * TICKS_PER_SECOND) / header.sampleRate;
			return end > bytes.length ? null : { start, end, ticks };
		}
	}
	return null;
}

/** control_header: prefix of 11 bits, three flags, au_size in bytes of 255. */
function cutOpus(bytes: Buffer, from: number): SoundFrame | null {
	if (from + 3 > bytes.length || bytes[from] !== 0x7f || (bytes[from + 1]! & 0xe0) !== 0xe0) {
		return null;
	}
	const flags = bytes[from + 1]!;
	let at = from + 2;
	let size = 0;
	while (bytes[at] === 255) {
		size += 255;
		at++;
	}
	size += bytes[at++] ?? 0;
	at += (flags & 0x10 ? 2 : 0) + (flags & 0x08 ? 2 : 0); // start_trim, end_trim
	if (flags & 0x04) {
		at += 1 + (bytes[at] ?? 0); // control_extension_length
	}
	const end = at + size;
	if (end > bytes.length) {
		return null;
	}
	const ticks = (opusPacketSamples(bytes.subarray(at, end)) * TICKS_PER_SECOND) / OPUS_SAMPLE_RATE;
	return { start: at, end, ticks };
}
