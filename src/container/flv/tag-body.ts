// Spec: Adobe Flash Video File Format 10.1, E.4.2 (audio tags) and E.4.3 (video tags); Enhanced RTMP v2, "Enhanced Audio",
// "Enhanced Video" (FourCC signalling) and "Multitrack".

import { writeUint24, writeUint32 } from '../../bytes/big-endian.js';
import { AudioPacketType, EX_HEADER_SOUND_FORMAT, LEGACY_AUDIO_CODECS } from './audio-tag.js';
import { MultitrackType } from './enhanced-header.js';
import {
	audioFourCcOf,
	FOUR_CC_BYTES,
	type FourCcAudioCodec,
	type FourCcVideoCodec,
	videoFourCcOf,
} from './four-cc.js';
import {
	COMPOSITION_TIME_BYTES,
	FrameType,
	hasCompositionTime,
	IS_EX_VIDEO_HEADER,
	LEGACY_VIDEO_CODECS,
	VideoPacketType,
} from './video-tag.js';

/** The track that a tag without Multitrack belongs to. */
export const DEFAULT_TRACK_ID = 0;

/** First byte of an enhanced tag without its packet type, and the packet type that announces a track id. */
type EnhancedKind = { readonly first: number; readonly multitrack: number };
const EX_VIDEO: EnhancedKind = { first: IS_EX_VIDEO_HEADER, multitrack: VideoPacketType.multitrack };
const EX_AUDIO: EnhancedKind = { first: EX_HEADER_SOUND_FORMAT << 4, multitrack: AudioPacketType.multitrack };
/** The first byte of a video tag without its frame type. */
const FRAME_TYPE_CLEAR = 0b1000_1111;
const H264_CODEC_ID = LEGACY_VIDEO_CODECS.indexOf('h264');
const AAC_SOUND_FORMAT = LEGACY_AUDIO_CODECS.indexOf('aac');
const MP3_SOUND_FORMAT = LEGACY_AUDIO_CODECS.indexOf('mp3');
/** SoundRate 44 kHz, SoundSize 16 bit, SoundType stereo: the only thing that an AAC tag may say, whatever it carries. */
const AAC_SOUND_FLAGS = 0b1111;
const SOUND_SIZE_16_BIT = 0b10;
const SOUND_TYPE_STEREO = 0b01;

/**
 * The bytes in front of the payloads of one video track. H.264 of the default track has the tag that every player knows;
 * everything else has the form of Enhanced RTMP.
 */
export class VideoTagHead {
	/** In front of the codec's configuration record. Not to be modified. */
	readonly sequenceStart: Uint8Array;
	readonly #frame: Uint8Array;
	/** The place of CompositionTime in `#frame`; 0 when the codec has none. */
	readonly #compositionTimeAt: number;

	constructor(codec: FourCcVideoCodec, trackId = DEFAULT_TRACK_ID) {
		const fieldBytes = hasCompositionTime(codec) ? COMPOSITION_TIME_BYTES : 0;
		const fourCc = videoFourCcOf(codec);
		const isLegacy = codec === 'h264' && trackId === DEFAULT_TRACK_ID;
		const head = (packetType: number, bytes: number): Uint8Array =>
			isLegacy ? legacyH264(packetType) : enhanced(EX_VIDEO, packetType, fourCc, trackId, bytes);
		this.sequenceStart = head(VideoPacketType.sequenceStart, 0);
		setFrameType(this.sequenceStart, FrameType.key);
		this.#frame = head(VideoPacketType.codedFrames, fieldBytes);
		this.#compositionTimeAt = fieldBytes === 0 ? 0 : this.#frame.length - fieldBytes;
	}

	/**
	 * In front of a picture. The array is the same each time: borrowed until the next call. `frameType` is one of FrameType;
	 * `compositionTimeMs` is a signed integer, for which VP8, VP9 and AV1 have no field.
	 */
	frame(frameType: number, compositionTimeMs: number): Uint8Array {
		const frame = this.#frame;
		setFrameType(frame, frameType);
		if (this.#compositionTimeAt > 0) {
			writeUint24(frame, this.#compositionTimeAt, compositionTimeMs);
		}
		return frame;
	}
}

/**
 * The bytes in front of the payloads of one audio track. AAC and MP3 of the default track have the tags that every player
 * knows; everything else has the form of Enhanced RTMP. The arrays are not to be modified.
 */
export class AudioTagHead {
	/** In front of the codec's configuration. */
	readonly sequenceStart: Uint8Array;
	/** In front of a frame of sound. */
	readonly frame: Uint8Array;

	/** `sampleRate` and `channels` stand in MP3 tags. */
	constructor(codec: FourCcAudioCodec, sampleRate: number, channels: number, trackId = DEFAULT_TRACK_ID) {
		const fourCc = audioFourCcOf(codec);
		const isLegacy = trackId === DEFAULT_TRACK_ID;
		const head = (packetType: number): Uint8Array => {
			if (isLegacy && codec === 'aac') {
				return Uint8Array.of((AAC_SOUND_FORMAT << 4) | AAC_SOUND_FLAGS, packetType); // SoundFormat, AACPacketType
			}
			if (isLegacy && codec === 'mp3') {
				return Uint8Array.of((MP3_SOUND_FORMAT << 4) | mp3SoundFlags(sampleRate, channels));
			}
			return enhanced(EX_AUDIO, packetType, fourCc, trackId, 0);
		};
		this.sequenceStart = head(AudioPacketType.sequenceStart);
		this.frame = head(AudioPacketType.codedFrames);
	}
}

function legacyH264(packetType: number): Uint8Array {
	return Uint8Array.of(H264_CODEC_ID, packetType, 0, 0, 0); // CodecID, AVCPacketType, CompositionTime
}

function setFrameType(head: Uint8Array, frameType: number): void {
	head[0] = (head[0]! & FRAME_TYPE_CLEAR) | (frameType << 4);
}

/** ExAudioTagHeader or ExVideoTagHeader, FourCC, track id if it is not the default, and `fieldBytes` zeros. */
function enhanced(
	kind: EnhancedKind,
	packetType: number,
	fourCc: number,
	trackId: number,
	fieldBytes: number,
): Uint8Array {
	const fourCcBytes = new Uint8Array(FOUR_CC_BYTES);
	writeUint32(fourCcBytes, 0, fourCc);
	const fields = new Uint8Array(fieldBytes);
	if (trackId === DEFAULT_TRACK_ID) {
		return Uint8Array.of(kind.first | packetType, ...fourCcBytes, ...fields);
	}
	const multitrack = (MultitrackType.oneTrack << 4) | packetType; // AvMultitrackType, PacketType
	return Uint8Array.of(kind.first | kind.multitrack, multitrack, ...fourCcBytes, trackId, ...fields);
}

/** SoundRate, SoundSize, SoundType. */
function mp3SoundFlags(sampleRate: number, channels: number): number {
	const soundRate = sampleRate <= 11_025 ? 1 : sampleRate <= 22_050 ? 2 : 3;
	return (soundRate << 2) | SOUND_SIZE_16_BIT | (channels > 1 ? SOUND_TYPE_STEREO : 0);
}
