// Spec: see sample-entry.ts

import type { Colour } from '../../codec/colour.js';
import { parseFlacConfig, serializeDfLa } from '../../codec/flac/stream-info.js';
import type { Chromaticity, HdrMetadata } from '../../codec/hdr.js';
import { OPUS_SAMPLE_RATE, parseDOps } from '../../codec/opus/identification-header.js';
import {
	parseAacConfig,
	parseAv1Config,
	parseH264Config,
	parseH265Config,
	parseH266Config,
	type TrackConfig,
	type VideoConfig,
	vpConfigOf,
} from '../../codec/track-config.js';
import { type Box, FieldReader, findBox, iterateBoxes } from './box-reader.js';
import { CHROMATICITY_UNIT, LUMINANCE_UNIT } from './sample-entry.js';

const VISUAL_ENTRY_BYTES = 78;
const AUDIO_ENTRY_BYTES = 28;
/** QuickTime's version 1 of an audio entry has 16 more bytes. */
const QUICKTIME_V1_BYTES = 16;

const DESCRIPTOR = { es: 3, decoderConfig: 4, decoderSpecificInfo: 5 } as const;
const MP3_OBJECT_TYPES = new Set([0x69, 0x6b]);
const MP3_VERSION_2_BELOW = 32_000;

/** The configuration in the first entry of an `stsd`; null for a codec that we do not carry. Throws PeerError. */
export function readSampleDescription(bytes: Buffer, stsd: Box): TrackConfig | null {
	const [entry] = iterateBoxes(bytes, stsd.bodyStart + 8, stsd.end);
	if (entry === undefined) {
		return null;
	}
	switch (entry.type) {
		case 'avc1':
		case 'avc3':
			return configFrom(bytes, entry, 'avcC', parseH264Config);
		case 'hvc1':
		case 'hev1':
			return configFrom(bytes, entry, 'hvcC', parseH265Config);
		case 'vvc1':
		case 'vvi1':
			return configFrom(bytes, entry, 'vvcC', (body) => parseH266Config(body.subarray(4)));
		case 'av01':
			return configFrom(bytes, entry, 'av1C', parseAv1Config);
		case 'vp09':
		case 'vp08': {
			const fields = new FieldReader(bytes, entry);
			fields.skip(24);
			const size = { width: fields.u16(), height: fields.u16() };
			const codec = entry.type === 'vp09' ? 'vp9' : 'vp8';
			return configFrom(bytes, entry, 'vpcC', (body) => vpConfigOf(codec, body.subarray(4), size));
		}
		default:
			return readAudioEntry(bytes, entry);
	}
}

function configFrom(bytes: Buffer, entry: Box, type: string, parse: (body: Buffer) => VideoConfig): VideoConfig | null {
	const from = entry.bodyStart + VISUAL_ENTRY_BYTES;
	const box = findBox(bytes, from, entry.end, type);
	if (box === null) {
		return null;
	}
	const config = parse(bytes.subarray(box.bodyStart, box.end));
	const hdr = readHdr(bytes, from, entry.end);
	return {
		...config,
		colour: readColour(bytes, from, entry.end) ?? config.colour,
		...(hdr === null ? {} : { hdr }),
	};
}

function readColour(bytes: Buffer, from: number, to: number): Colour | null {
	const box = findBox(bytes, from, to, 'colr');
	if (box === null) {
		return null;
	}
	const fields = new FieldReader(bytes, box);
	if (fields.bytes(4).toString('latin1') !== 'nclx') {
		return null;
	}
	const [primaries, transfer, matrix] = [fields.u16(), fields.u16(), fields.u16()];
	return { primaries, transfer, matrix, fullRange: (fields.u8() & 0x80) !== 0 };
}

function readHdr(bytes: Buffer, from: number, to: number): HdrMetadata | null {
	const display = findBox(bytes, from, to, 'mdcv');
	const light = findBox(bytes, from, to, 'clli');
	if (display === null && light === null) {
		return null;
	}
	return {
		masteringDisplay: display === null ? null : readMasteringDisplay(new FieldReader(bytes, display)),
		contentLight: light === null ? null : readContentLight(new FieldReader(bytes, light)),
	};
}

function readMasteringDisplay(fields: FieldReader): HdrMetadata['masteringDisplay'] {
	const point = (): Chromaticity => ({ x: fields.u16() * CHROMATICITY_UNIT, y: fields.u16() * CHROMATICITY_UNIT });
	const [green, blue, red, whitePoint] = [point(), point(), point(), point()];
	const luminance = (): number => fields.u32() * LUMINANCE_UNIT;
	return { red, green, blue, whitePoint, maxLuminance: luminance(), minLuminance: luminance() };
}

function readContentLight(fields: FieldReader): HdrMetadata['contentLight'] {
	return { maxContentLevel: fields.u16(), maxFrameAverageLevel: fields.u16() };
}

function readAudioEntry(bytes: Buffer, entry: Box): TrackConfig | null {
	const fields = new FieldReader(bytes, entry);
	fields.skip(8);
	const version = fields.u16();
	fields.skip(6);
	const channels = fields.u16();
	fields.skip(6);
	const sampleRate = fields.u32() / 0x10000;
	const childrenStart = entry.bodyStart + AUDIO_ENTRY_BYTES + (version === 1 ? QUICKTIME_V1_BYTES : 0);
	const body = (type: string): Buffer | null => {
		const box =
			findBox(bytes, childrenStart, entry.end, type) ?? findBox(bytes, childrenStart, entry.end, 'wave', type);
		return box === null ? null : bytes.subarray(box.bodyStart, box.end);
	};
	const common = { kind: 'audio', sampleRate, channels, frameSamples: 1536, preSkipSamples: 0 } as const;
	if (entry.type === 'mp4a') {
		return readEsds(body('esds'), sampleRate, channels);
	}
	if (entry.type === '.mp3') {
		return mp3Config(sampleRate, channels);
	}
	if (entry.type === 'Opus') {
		const record = body('dOps');
		if (record === null) {
			return null;
		}
		const header = parseDOps(record);
		return {
			...common,
			codec: 'opus',
			codecString: 'Opus',
			record: Buffer.from(record),
			channels: header.channels,
			sampleRate: OPUS_SAMPLE_RATE,
			frameSamples: 0,
			preSkipSamples: header.preSkip,
		};
	}
	if (entry.type === 'fLaC') {
		const record = body('dfLa');
		if (record === null) {
			return null;
		}
		const info = parseFlacConfig(record.subarray(4));
		return {
			...common,
			codec: 'flac',
			codecString: 'fLaC',
			record: serializeDfLa(info),
			channels: info.channels,
			sampleRate: info.sampleRate,
			frameSamples: 0,
		};
	}
	const record = entry.type === 'ac-3' ? body('dac3') : entry.type === 'ec-3' ? body('dec3') : null;
	if (record === null) {
		return null;
	}
	const codec = entry.type === 'ac-3' ? 'ac3' : 'eac3';
	return { ...common, codec, codecString: entry.type, record: Buffer.from(record) };
}

function readEsds(body: Buffer | null, sampleRate: number, channels: number): TrackConfig | null {
	if (body === null) {
		return null;
	}
	const descriptors = readDescriptors(body, 4);
	const es = descriptors.find(({ tag }) => tag === DESCRIPTOR.es);
	if (es === undefined || es.body.length < 3) {
		return null;
	}
	const flags = es.body[2]!;
	const optionalBytes = (flags & 0x80 ? 2 : 0) + (flags & 0x40 ? 1 + (es.body[3] ?? 0) : 0) + (flags & 0x20 ? 2 : 0);
	const decoderConfig = readDescriptors(es.body, 3 + optionalBytes).find(({ tag }) => tag === DESCRIPTOR.decoderConfig);
	if (decoderConfig === undefined || decoderConfig.body.length < 13) {
		return null;
	}
	if (MP3_OBJECT_TYPES.has(decoderConfig.body[0]!)) {
		return mp3Config(sampleRate, channels);
	}
	const specific = readDescriptors(decoderConfig.body, 13).find(({ tag }) => tag === DESCRIPTOR.decoderSpecificInfo);
	return specific === undefined ? null : parseAacConfig(specific.body);
}

function readDescriptors(bytes: Buffer, from: number): { tag: number; body: Buffer }[] {
	const found: { tag: number; body: Buffer }[] = [];
	for (let at = from; at + 2 <= bytes.length; ) {
		const tag = bytes[at++]!;
		let length = 0;
		for (let index = 0; index < 4; index++) {
			const byte = bytes[at++] ?? 0;
			length = length * 128 + (byte & 0x7f);
			if ((byte & 0x80) === 0) {
				break;
			}
		}
		found.push({ tag, body: bytes.subarray(at, at + length) });
		at += length;
	}
	return found;
}

function mp3Config(sampleRate: number, channels: number): TrackConfig {
	const mpeg2 = sampleRate < MP3_VERSION_2_BELOW;
	return {
		kind: 'audio',
		codec: 'mp3',
		record: Buffer.alloc(0),
		codecString: mpeg2 ? 'mp4a.69' : 'mp4a.6B',
		sampleRate,
		channels,
		frameSamples: mpeg2 ? 576 : 1152,
		preSkipSamples: 0,
	};
}
