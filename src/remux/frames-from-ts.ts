// Spec: ISO/IEC 13818-1 2.4.3.6 (PES); H.264 and H.265 annex B; ISO/IEC 14496-3 1.A.3 (ADTS); the Opus in TS draft
import { parseAdtsHeader } from '../codec/aac/adts.js';
import { serializeAudioSpecificConfig } from '../codec/aac/audio-specific-config.js';
import { parseAc3SyncFrame } from '../codec/ac3/sync-frame.js';
import { serializeAvcDecoderConfig } from '../codec/h264/decoder-config.js';
import { serializeHevcDecoderConfig } from '../codec/h265/decoder-config.js';
import { parseMp3FrameHeader } from '../codec/mp3/frame-header.js';
import { isParameterSet, isSlice, NalKind } from '../codec/nal-kind.js';
import { NAL_SYNTAX } from '../codec/nal-syntax.js';
import { listAnnexB, NalList } from '../codec/nal-unit.js';
import { opusPacketSamples, serializeOpusHead } from '../codec/opus/identification-header.js';
import {
	configOfAc3Sample,
	configOfMp3Frame,
	parseAacConfig,
	parseH264Config,
	parseH265Config,
	parseOpusConfig,
	sameConfig,
	type TrackConfig,
} from '../codec/track-config.js';
import { type PesPacket, TsDemuxer } from '../container/mpegts/demuxer.js';
import { type ElementaryStream, opusChannels, registeredFormat, StreamType } from '../container/mpegts/stream-type.js';
import { TICKS_PER_SECOND, TimestampUnwrapper } from '../container/mpegts/timestamp.js';
import { PeerError } from '../errors.js';
import type { Frame, FrameSink } from './frame.js';
import { FrameQueue } from './frame-queue.js';

const TICKS_PER_MS = TICKS_PER_SECOND / 1000;
const NAL_LENGTH_BYTES = 4;
const NOTHING = Buffer.alloc(0);
const OPUS_PRE_SKIP = 312;
/** Frames of one track that wait for the other. */
const MAX_QUEUED_FRAMES = 256;

/** A frame of sound cut out of a PES packet: its payload, and how long it plays in 90 kHz ticks. */
type SoundFrame = { payload: Buffer; ticks: number; config: () => TrackConfig };
type SoundCutter = (bytes: Buffer, at: number) => { frame: SoundFrame; end: number } | null;

/** Transport stream to frames: bytes in, cut anywhere. Of each kind the first stream is taken. */
export class FramesFromTs {
	readonly #sink: FrameSink;
	readonly #demuxer: TsDemuxer;
	readonly #configs: { video: TrackConfig | null; audio: TrackConfig | null } = { video: null, audio: null };
	readonly #unwrappers = new Map<number, TimestampUnwrapper>();
	#video: ElementaryStream | null = null;
	#audio: ElementaryStream | null = null;
	/** Sound that runs over the end of its PES packet. */
	#carry: Buffer = NOTHING;
	#nextAudioTicks = 0;
	#originMs = Number.NaN;
	/** A muxer writes a picture when it comes but lets sound wait for company: frames are put in order again. */
	readonly #queue = new FrameQueue();
	readonly #units = new NalList();
	readonly #take = (frame: Frame): void => {
		if (Number.isNaN(this.#originMs)) {
			this.#originMs = frame.dtsMs;
		}
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
		if (this.#configs.video === null && this.#configs.audio === null) {
			throw new PeerError('TS_PACKET', 'no video or audio that can be repackaged');
		}
		this.#queue.deliver(0, this.#take);
		this.#sink.end();
	}

	#choose(streams: readonly ElementaryStream[]): void {
		const isVideo = ({ streamType }: ElementaryStream): boolean =>
			streamType === StreamType.h264 || streamType === StreamType.h265;
		this.#video = streams.find(isVideo) ?? null;
		this.#audio = streams.find((stream) => cutterFor(stream) !== null) ?? null;
		this.#carry = NOTHING;
	}

	#packet(stream: ElementaryStream, packet: PesPacket): void {
		if (stream === this.#video && !Number.isNaN(packet.dts)) {
			const dts = this.#unwrap(stream.pid, packet.dts);
			const reorder = packet.pts - packet.dts;
			this.#picture(stream, packet.payload, dts, reorder < -(2 ** 32) ? reorder + 2 ** 33 : reorder);
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

	#picture(stream: ElementaryStream, bytes: Buffer, dts: number, reorder: number): void {
		const h265 = stream.streamType === StreamType.h265;
		const units = this.#units;
		listAnnexB(bytes, h265 ? NAL_SYNTAX.h265 : NAL_SYNTAX.h264, units);
		const sets = { [NalKind.vps]: [] as Buffer[], [NalKind.sps]: [] as Buffer[], [NalKind.pps]: [] as Buffer[] };
		let keyframe = false;
		let slices = 0;
		let kept = 0;
		let payloadBytes = 0;
		for (let index = 0; index < units.count; index++) {
			const offset = units.offsets[index]!;
			const length = units.lengths[index]!;
			const kind = units.kinds[index]!;
			if (isParameterSet(kind)) {
				sets[kind].push(bytes.subarray(offset, offset + length));
			} else if (kind !== NalKind.delimiter) {
				keyframe ||= kind === NalKind.keySlice;
				slices += isSlice(kind) ? 1 : 0;
				units.offsets[kept] = offset;
				units.lengths[kept] = length;
				kept++;
				payloadBytes += NAL_LENGTH_BYTES + length;
			}
		}
		units.count = kept;
		const { [NalKind.vps]: vps, [NalKind.sps]: sps, [NalKind.pps]: pps } = sets;
		if (sps.length > 0 && pps.length > 0) {
			this.#configure(
				h265
					? parseH265Config(serializeHevcDecoderConfig(vps, sps, pps))
					: parseH264Config(serializeAvcDecoderConfig(sps, pps)),
			);
		}
		if (this.#configs.video !== null && slices > 0) {
			const frame = this.#queue.add('video', payloadBytes);
			writeLengthPrefixed(frame.payload, bytes, units);
			frame.dtsMs = dts / TICKS_PER_MS;
			frame.compositionTimeMs = reorder / TICKS_PER_MS;
			frame.keyframe = keyframe;
			this.#deliver();
		}
	}

	#sound(stream: ElementaryStream, payload: Buffer, pts: number): void {
		const cut = cutterFor(stream);
		if (cut === null) {
			return;
		}
		// A frame that began in the packet before is at that packet's time; the PTS is of the first that begins here.
		let ticks = this.#carry.length > 0 ? this.#nextAudioTicks : pts;
		const carried = this.#carry.length;
		const bytes = carried > 0 ? Buffer.concat([this.#carry, payload]) : payload;
		let at = 0;
		while (at < bytes.length) {
			const found = cut(bytes, at);
			if (found === null) {
				break;
			}
			if (at < carried && found.end >= carried) {
				this.#soundFrame(found.frame, ticks);
				ticks = pts;
			} else {
				this.#soundFrame(found.frame, ticks);
				ticks += found.frame.ticks;
			}
			at = found.end;
		}
		this.#nextAudioTicks = ticks;
		this.#carry = at < bytes.length ? Buffer.from(bytes.subarray(at)) : NOTHING;
	}

	#soundFrame(frame: SoundFrame, ticks: number): void {
		if (this.#configs.audio === null) {
			this.#configure(frame.config());
		}
		const queued = this.#queue.add('audio', frame.payload.length);
		queued.payload.set(frame.payload);
		queued.dtsMs = ticks / TICKS_PER_MS;
		this.#deliver();
	}

	#configure(config: TrackConfig): void {
		const { kind } = config;
		const current = this.#configs[kind];
		if (current === null || !sameConfig(current, config)) {
			this.#configs[kind] = config;
			this.#sink.track({ kind, sourceId: 0, config });
		}
	}

	#deliver(): void {
		const expectsBoth = this.#video !== null && this.#audio !== null;
		this.#queue.deliver(expectsBoth ? MAX_QUEUED_FRAMES : 0, this.#take);
	}
}

/** Fills `frame` with the listed NAL units of `bytes`, each behind its length. */
function writeLengthPrefixed(frame: Buffer, bytes: Buffer, units: NalList): void {
	let at = 0;
	for (let index = 0; index < units.count; index++) {
		const offset = units.offsets[index]!;
		const length = units.lengths[index]!;
		at = frame.writeUInt32BE(length, at);
		frame.set(bytes.subarray(offset, offset + length), at);
		at += length;
	}
}

function cutterFor(stream: ElementaryStream): SoundCutter | null {
	switch (stream.streamType) {
		case StreamType.aacAdts:
			return cutAdts;
		case StreamType.mpeg1Audio:
		case StreamType.mpeg2Audio:
			return cutMp3;
		case StreamType.ac3:
		case StreamType.eac3:
			return cutAc3;
		case StreamType.privateData:
			return registeredFormat(stream.descriptors) === 'Opus'
				? (bytes, at) => cutOpus(bytes, at, opusChannels(stream.descriptors) || 2)
				: null;
		default:
			return null;
	}
}

function cutAdts(bytes: Buffer, from: number): ReturnType<SoundCutter> {
	for (let at = from; at < bytes.length; at++) {
		const header = parseAdtsHeader(bytes, at);
		if (header !== null) {
			const end = at + header.frameBytes;
			if (end > bytes.length) {
				return null;
			}
			const payload = bytes.subarray(at + header.headerBytes, end);
			const { objectType, sampleRate, channelConfiguration } = header;
			const channels = channelConfiguration === 7 ? 8 : channelConfiguration;
			const config = (): TrackConfig => parseAacConfig(serializeAudioSpecificConfig(objectType, sampleRate, channels));
			return { frame: { payload, ticks: (1024 * TICKS_PER_SECOND) / sampleRate, config }, end };
		}
	}
	return null;
}

function cutMp3(bytes: Buffer, from: number): ReturnType<SoundCutter> {
	for (let at = from; at < bytes.length; at++) {
		const header = parseMp3FrameHeader(bytes, at);
		if (header !== null && header.frameBytes > 0) {
			const end = at + header.frameBytes;
			if (end > bytes.length) {
				return null;
			}
			const payload = bytes.subarray(at, end);
			const ticks = (header.frameSamples * TICKS_PER_SECOND) / header.sampleRate;
			return { frame: { payload, ticks, config: () => configOfMp3Frame(payload) }, end };
		}
	}
	return null;
}

function cutAc3(bytes: Buffer, from: number): ReturnType<SoundCutter> {
	for (let at = from; at < bytes.length; at++) {
		const header = parseAc3SyncFrame(bytes, at);
		if (header !== null) {
			const end = at + header.frameBytes;
			if (end > bytes.length) {
				return null;
			}
			const payload = bytes.subarray(at, end);
			const ticks = (header.frameSamples * TICKS_PER_SECOND) / header.sampleRate;
			return { frame: { payload, ticks, config: () => configOfAc3Sample(payload) }, end };
		}
	}
	return null;
}

/** control_header: prefix of 11 bits, three flags, au_size in bytes of 255. */
function cutOpus(bytes: Buffer, from: number, channels: number): ReturnType<SoundCutter> {
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
	const payload = bytes.subarray(at, end);
	const head = { channels, preSkip: OPUS_PRE_SKIP, inputSampleRate: 48_000, outputGain: 0, mappingFamily: 0 };
	const config = (): TrackConfig => parseOpusConfig(serializeOpusHead({ ...head, mapping: Buffer.alloc(0) }));
	return { frame: { payload, ticks: (opusPacketSamples(payload) * TICKS_PER_SECOND) / 48_000, config }, end };
}
