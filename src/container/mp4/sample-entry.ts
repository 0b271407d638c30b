// Spec: ISO/IEC 14496-12 8.5.2, 12.1.3, 12.2.3 (sample entries), 12.1.4 (pasp), 12.1.5 (colr), 12.1.6 (mdcv), 12.1.7 (clli); ISO/IEC 14496-15 5.4.2, 8.4.1;
// ISO/IEC 14496-14 5.6 and 14496-1 7.2.6 (esds); the bindings of AV1, VP9, Opus, FLAC, AC-3 and E-AC-3 (features.md, 19)
import type { AudioConfig, TrackConfig, VideoConfig } from '../../codec/track-config.js';
import type { BoxWriter } from './box-writer.js';

const VIDEO_ENTRIES = {
	h264: { entry: 'avc1', config: 'avcC' },
	h265: { entry: 'hvc1', config: 'hvcC' }, // never hev1: Apple does not play it
	h266: { entry: 'vvc1', config: 'vvcC' },
	av1: { entry: 'av01', config: 'av1C' },
	vp9: { entry: 'vp09', config: 'vpcC' },
	vp8: { entry: 'vp08', config: 'vpcC' },
} as const;

const AUDIO_ENTRIES = {
	aac: { entry: 'mp4a', config: 'esds' },
	mp3: { entry: 'mp4a', config: 'esds' },
	opus: { entry: 'Opus', config: 'dOps' },
	flac: { entry: 'fLaC', config: 'dfLa' },
	ac3: { entry: 'ac-3', config: 'dac3' },
	eac3: { entry: 'ec-3', config: 'dec3' },
} as const;

const DESCRIPTOR = { es: 3, decoderConfig: 4, decoderSpecificInfo: 5, slConfig: 6 } as const;
const DESCRIPTOR_HEADER_BYTES = 5;
const OBJECT_TYPE_AAC = 0x40;
const OBJECT_TYPE_MPEG2_AUDIO = 0x69;
const OBJECT_TYPE_MPEG1_AUDIO = 0x6b;
/** Units of `mdcv`: 0.00002 and 0.0001 candela per square metre. */
export const CHROMATICITY_UNIT = 0.00002;
export const LUMINANCE_UNIT = 0.0001;
const STREAM_TYPE_AUDIO = 0x15; // streamType 5, upStream 0, reserved 1

/** Writes the `stsd` box with the one entry of `config`. */
export function writeSampleDescription(writer: BoxWriter, config: TrackConfig): void {
	writer.fullBox('stsd', 0, 0, () => {
		writer.u32(1); // entry_count
		if (config.kind === 'video') {
			writeVisualSampleEntry(writer, config);
		} else {
			writeAudioSampleEntry(writer, config);
		}
	});
}

function writeVisualSampleEntry(writer: BoxWriter, config: VideoConfig): void {
	const names = VIDEO_ENTRIES[config.codec];
	writer.box(names.entry, () => {
		writer.zeros(6).u16(1); // reserved, data_reference_index
		writer.zeros(16); // pre_defined, reserved
		writer.u16(config.width).u16(config.height);
		writer.u32(0x00480000).u32(0x00480000); // horizresolution, vertresolution = 72 dpi
		writer.u32(0); // reserved
		writer.u16(1); // frame_count
		writer.zeros(32); // compressorname
		writer.u16(0x0018).u16(0xffff); // depth, pre_defined = -1
		if (names.config === 'vpcC' || names.config === 'vvcC') {
			writer.fullBox(names.config, names.config === 'vpcC' ? 1 : 0, 0, () => writer.bytes(config.record));
		} else {
			writer.box(names.config, () => writer.bytes(config.record));
		}
		writeColour(writer, config);
		writeHdr(writer, config);
		const { horizontal, vertical } = config.pixelAspect;
		if (horizontal !== vertical) {
			writer.box('pasp', () => writer.u32(horizontal).u32(vertical)); // hSpacing, vSpacing
		}
	});
}

function writeColour(writer: BoxWriter, config: VideoConfig): void {
	const { colour } = config;
	if (colour === null) {
		return;
	}
	writer.box('colr', () => {
		writer.ascii('nclx'); // colour_type
		writer.u16(colour.primaries).u16(colour.transfer).u16(colour.matrix);
		writer.u8(colour.fullRange ? 0x80 : 0); // full_range_flag
	});
}

function writeHdr(writer: BoxWriter, { hdr }: VideoConfig): void {
	const display = hdr?.masteringDisplay;
	if (display != null) {
		writer.box('mdcv', () => {
			for (const { x, y } of [display.green, display.blue, display.red, display.whitePoint]) {
				writer.u16(Math.round(x / CHROMATICITY_UNIT)).u16(Math.round(y / CHROMATICITY_UNIT));
			}
			for (const luminance of [display.maxLuminance, display.minLuminance]) {
				writer.u32(Math.min(0xffffffff, Math.round(luminance / LUMINANCE_UNIT)));
			}
		});
	}
	const light = hdr?.contentLight;
	if (light != null) {
		writer.box('clli', () => {
			writer.u16(toUint16(light.maxContentLevel)).u16(toUint16(light.maxFrameAverageLevel));
		});
	}
}

function toUint16(value: number): number {
	return Math.max(0, Math.min(0xffff, Math.round(value)));
}

function writeAudioSampleEntry(writer: BoxWriter, config: AudioConfig): void {
	const names = AUDIO_ENTRIES[config.codec];
	writer.box(names.entry, () => {
		writer.zeros(6).u16(1); // reserved, data_reference_index
		writer.zeros(8); // reserved
		writer.u16(config.channels).u16(16); // channelcount, samplesize
		writer.u32(0); // pre_defined, reserved
		writer.u32(config.sampleRate < 0x10000 ? config.sampleRate * 0x10000 : 0); // samplerate, 16.16
		if (names.config === 'esds') {
			writeEsds(writer, config);
		} else if (names.config === 'dfLa') {
			writer.fullBox('dfLa', 0, 0, () => writer.bytes(config.record));
		} else {
			writer.box(names.config, () => writer.bytes(config.record));
		}
	});
}

function writeEsds(writer: BoxWriter, config: AudioConfig): void {
	const specificBytes = config.record.length;
	const decoderConfigBytes = 13 + (specificBytes > 0 ? DESCRIPTOR_HEADER_BYTES + specificBytes : 0);
	const objectType =
		config.codec === 'aac'
			? OBJECT_TYPE_AAC
			: config.sampleRate >= 32_000
				? OBJECT_TYPE_MPEG1_AUDIO
				: OBJECT_TYPE_MPEG2_AUDIO;
	writer.fullBox('esds', 0, 0, () => {
		writeDescriptor(writer, DESCRIPTOR.es, 3 + DESCRIPTOR_HEADER_BYTES * 2 + decoderConfigBytes + 1);
		writer.u16(0).u8(0); // ES_ID, flags and streamPriority
		writeDescriptor(writer, DESCRIPTOR.decoderConfig, decoderConfigBytes);
		writer.u8(objectType).u8(STREAM_TYPE_AUDIO);
		writer.u24(0).u32(0).u32(0); // bufferSizeDB, maxBitrate, avgBitrate: unknown
		if (specificBytes > 0) {
			writeDescriptor(writer, DESCRIPTOR.decoderSpecificInfo, specificBytes);
			writer.bytes(config.record);
		}
		writeDescriptor(writer, DESCRIPTOR.slConfig, 1);
		writer.u8(2); // predefined = MP4
	});
}

/** Tag and the long form of the expandable length, 28 bits in four bytes. */
function writeDescriptor(writer: BoxWriter, tag: number, bytes: number): void {
	writer.u8(tag);
	writer
		.u8(0x80 | (bytes >>> 21))
		.u8(0x80 | ((bytes >>> 14) & 0x7f))
		.u8(0x80 | ((bytes >>> 7) & 0x7f))
		.u8(bytes & 0x7f);
}
