// Spec: ISO/IEC 13818-1 2.4, 2.7 (timing of PCR, PTS and tables); RFC 8216 3.2 (MPEG-2 TS segments)
import type { BufferPool } from '../../bytes/buffer-pool.js';
import { ADTS_HEADER_BYTES, fitsAdts, MAX_ADTS_FRAME_BYTES, writeAdtsHeader } from '../../codec/aac/adts.js';
import { type AudioSpecificConfig, parseAudioSpecificConfig } from '../../codec/aac/audio-specific-config.js';
import { beginsWithProgramConfig, serializeProgramConfigElement } from '../../codec/aac/program-config.js';
import type { AudioConfig, TrackConfig, VideoConfig } from '../../codec/track-config.js';
import { AccessUnitBuilder } from './access-unit.js';
import { PacketWriter } from './packet-writer.js';
import { buildProgramAssociation, buildProgramMap, PAT_PID } from './psi.js';
import { announce, type ElementaryStream, StreamType } from './stream-type.js';

const PROGRAM_NUMBER = 1;
const MAP_PID = 0x1000;
const VIDEO_PID = 0x100;
const AUDIO_PID = 0x101;
const METADATA_PID = 0x102;
const VIDEO_STREAM_ID = 0xe0;
const AUDIO_STREAM_ID = 0xc0;
const PRIVATE_STREAM_1_ID = 0xbd;

/** Added to all times, so that a clock reference that runs ahead of its frame is never negative. */
const TIME_OFFSET = 90_000;
/** A frame arrives this long before its decoding time, for decoders that keep to the clock. */
const CLOCK_LEAD = 63_000;
/** Sound frames wait for each other up to this, to share a PES packet: 4 bytes of header for 23 ms of sound would be dear. */
const MAX_AUDIO_HOLD = 9000;
const MAX_AUDIO_PES_BYTES = 16 * 1024;
const START_CODE = Buffer.from([0, 0, 1]);
const OPUS_CONTROL_PREFIX = [0x7f, 0xe0];
const NOTHING = Buffer.alloc(0);
const ID3_DESCRIPTOR = Buffer.from('260dffff49443320ff49443320000f', 'hex'); // metadata_descriptor, format "ID3 "
const ID3_POINTER = Buffer.from('250fffff49443320ff49443320001f0001', 'hex'); // metadata_pointer_descriptor, program 1

/** True when a transport stream can carry `config`. */
export function fitsTransportStream(config: TrackConfig): boolean {
	if (config.codec === 'aac') {
		return fitsAdts(parseAudioSpecificConfig(config.record));
	}
	return announce(config) !== null;
}

/**
 * Frames to transport packets. All tracks share one clock, carried by the video or else by the sound. Times are 90 kHz ticks
 * of the stream's timeline and may grow beyond 33 bits.
 */
export class TsMuxer {
	readonly #packets: PacketWriter;
	readonly #video: AccessUnitBuilder | null;
	readonly #audio: AudioConfig | null;
	readonly #aac: AudioSpecificConfig | null;
	/** The channels of AAC that no ADTS header can name, for every frame: a player may begin at any of them. */
	readonly #programConfig: Buffer;
	readonly #association: Buffer;
	readonly #map: Buffer;
	#held = Buffer.allocUnsafe(MAX_AUDIO_PES_BYTES);
	#heldBytes = 0;
	#heldPts = 0;

	/**
	 * The tracks, each of which must fit a transport stream. `version` is another one whenever they change; `pool` and `spill` are
	 * PacketWriter's.
	 */
	constructor(
		video: VideoConfig | null,
		audio: AudioConfig | null,
		options: {
			version?: number;
			id3?: boolean;
			pool?: BufferPool | null;
			spill?: ((bytes: Buffer) => void) | null;
		} = {},
	) {
		this.#packets = new PacketWriter(options.pool ?? null, options.spill ?? null);
		this.#video = video === null ? null : new AccessUnitBuilder(video);
		this.#audio = audio;
		this.#aac = audio?.codec === 'aac' ? parseAudioSpecificConfig(audio.record) : null;
		const programConfig = this.#aac?.programConfig ?? null;
		this.#programConfig = programConfig === null ? NOTHING : serializeProgramConfigElement(programConfig);
		const streams: ElementaryStream[] = [];
		for (const [config, pid] of [
			[video, VIDEO_PID],
			[audio, AUDIO_PID],
		] as const) {
			const announced = config === null ? null : announce(config);
			if (announced !== null) {
				streams.push({ pid, ...announced });
			}
		}
		if (options.id3) {
			streams.push({ pid: METADATA_PID, streamType: StreamType.metadata, descriptors: ID3_DESCRIPTOR });
		}
		this.#association = buildProgramAssociation(PROGRAM_NUMBER, MAP_PID);
		const clockPid = video === null ? AUDIO_PID : VIDEO_PID;
		this.#map = buildProgramMap(
			PROGRAM_NUMBER,
			options.version ?? 0,
			clockPid,
			options.id3 ? ID3_POINTER : Buffer.alloc(0),
			streams,
		);
	}

	/** Bytes written since the last `take`, frames of sound that are still held not counted. */
	get length(): number {
		return this.#packets.length;
	}

	/** Writes PAT and PMT. Every segment starts with them. */
	writeTables(): void {
		this.#packets.section(PAT_PID, this.#association);
		this.#packets.section(MAP_PID, this.#map);
	}

	/** `frame` is borrowed until return. */
	writeVideo(frame: Uint8Array, pts: number, dts: number, keyframe: boolean): void {
		const builder = this.#video;
		if (builder === null) {
			return;
		}
		const packets = this.#packets;
		const payloadBytes = builder.measure(frame, keyframe);
		packets.startPes(
			VIDEO_PID,
			{
				streamId: VIDEO_STREAM_ID,
				pts: pts + TIME_OFFSET,
				dts: dts + TIME_OFFSET,
				randomAccess: keyframe,
				clock: dts + TIME_OFFSET - CLOCK_LEAD,
				unbounded: true,
			},
			payloadBytes,
		);
		packets.write(builder.delimiter);
		if (builder.addsParameterSets(keyframe)) {
			packets.write(builder.parameterSets);
		}
		const { units } = builder;
		for (let index = 0; index < units.count; index++) {
			const offset = units.offsets[index]!;
			packets.write(START_CODE);
			packets.write(frame, offset, offset + units.lengths[index]!);
		}
	}

	/** `frame` is borrowed until return; it may come out only with a later one, or with `flushAudio`. */
	writeAudio(frame: Uint8Array, pts: number): void {
		if (this.#audio === null) {
			return;
		}
		const headerBytes = this.#audioHeaderBytes(frame);
		const bytes = headerBytes + frame.length;
		if (this.#aac !== null && bytes > MAX_ADTS_FRAME_BYTES) {
			return;
		}
		const full = this.#heldBytes + bytes > MAX_AUDIO_PES_BYTES;
		if (this.#heldBytes > 0 && (full || pts - this.#heldPts >= MAX_AUDIO_HOLD)) {
			this.flushAudio();
		}
		if (this.#heldBytes === 0) {
			this.#heldPts = pts;
		}
		if (this.#held.length < this.#heldBytes + bytes) {
			this.#held = Buffer.concat([this.#held], this.#heldBytes + bytes);
		}
		this.#writeAudioHeader(frame.length, headerBytes);
		this.#held.set(frame, this.#heldBytes + headerBytes);
		this.#heldBytes += bytes;
	}

	/** Writes the frames of sound that wait for company: before a segment ends. */
	flushAudio(): void {
		if (this.#heldBytes === 0) {
			return;
		}
		const dts = this.#heldPts + TIME_OFFSET;
		const isPrivate = this.#audio?.codec !== 'aac' && this.#audio?.codec !== 'mp3';
		this.#packets.startPes(
			AUDIO_PID,
			{
				streamId: isPrivate ? PRIVATE_STREAM_1_ID : AUDIO_STREAM_ID,
				pts: dts,
				dts,
				randomAccess: this.#video === null,
				clock: this.#video === null ? dts - CLOCK_LEAD : null,
				unbounded: false,
			},
			this.#heldBytes,
		);
		this.#packets.write(this.#held, 0, this.#heldBytes);
		this.#heldBytes = 0;
	}

	/** An ID3 tag that belongs to the time `pts`; only with the option `id3`. */
	writeId3(tag: Uint8Array, pts: number): void {
		const at = pts + TIME_OFFSET;
		const head = { streamId: PRIVATE_STREAM_1_ID, pts: at, dts: at, randomAccess: true, clock: null, unbounded: false };
		this.#packets.startPes(METADATA_PID, head, tag.length);
		this.#packets.write(tag);
	}

	/** Everything written since the last call: now the caller's. */
	take(): Buffer {
		return this.#packets.take();
	}

	#audioHeaderBytes(frame: Uint8Array): number {
		if (this.#aac !== null) {
			const isComplete = this.#programConfig.length === 0 || beginsWithProgramConfig(frame);
			return ADTS_HEADER_BYTES + (isComplete ? 0 : this.#programConfig.length);
		}
		return this.#audio?.codec === 'opus' ? OPUS_CONTROL_PREFIX.length + Math.floor(frame.length / 255) + 1 : 0;
	}

	#writeAudioHeader(frameBytes: number, headerBytes: number): void {
		const at = this.#heldBytes;
		if (this.#aac !== null) {
			const elementBytes = headerBytes - ADTS_HEADER_BYTES;
			writeAdtsHeader(this.#held, at, this.#aac, elementBytes + frameBytes);
			this.#programConfig.copy(this.#held, at + ADTS_HEADER_BYTES, 0, elementBytes);
		} else if (this.#audio?.codec === 'opus') {
			this.#held.set(OPUS_CONTROL_PREFIX, at); // control_header_prefix, no trim, no extension
			const whole = Math.floor(frameBytes / 255);
			this.#held.fill(255, at + 2, at + 2 + whole); // au_size: bytes of 255, then the rest
			this.#held[at + 2 + whole] = frameBytes % 255;
		}
	}
}
