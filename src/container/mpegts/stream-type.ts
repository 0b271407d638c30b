// Spec: ISO/IEC 13818-1 table 2-34 (stream_type), 2.6.8 (registration_descriptor); ETSI TS 102 366 A.3 (AC-3); the Opus in TS draft
import type { TrackConfig } from '../../codec/track-config.js';

export const StreamType = {
	mpeg1Audio: 0x03,
	mpeg2Audio: 0x04,
	privateData: 0x06,
	aacAdts: 0x0f,
	aacLatm: 0x11,
	metadata: 0x15,
	h264: 0x1b,
	h265: 0x24,
	ac3: 0x81,
	eac3: 0x87,
} as const;

const REGISTRATION_DESCRIPTOR = 0x05;
const EXTENSION_DESCRIPTOR = 0x7f;
const OPUS_EXTENSION_TAG = 0x80;

/** One entry of the program map. */
export type ElementaryStream = { pid: number; streamType: number; descriptors: Buffer };

/** Returns how the program map announces a track; null when a transport stream cannot carry its codec. */
export function announce(config: TrackConfig): Omit<ElementaryStream, 'pid'> | null {
	switch (config.codec) {
		case 'h264':
			return { streamType: StreamType.h264, descriptors: Buffer.alloc(0) };
		case 'h265':
			return { streamType: StreamType.h265, descriptors: registration('HEVC') };
		case 'aac':
			return { streamType: StreamType.aacAdts, descriptors: Buffer.alloc(0) };
		case 'mp3':
			return {
				streamType: config.sampleRate >= 32_000 ? StreamType.mpeg1Audio : StreamType.mpeg2Audio,
				descriptors: Buffer.alloc(0),
			};
		case 'ac3':
			return { streamType: StreamType.ac3, descriptors: registration('AC-3') };
		case 'eac3':
			return { streamType: StreamType.eac3, descriptors: registration('EAC3') };
		case 'opus': {
			const channels = Buffer.from([EXTENSION_DESCRIPTOR, 2, OPUS_EXTENSION_TAG, config.channels]);
			return { streamType: StreamType.privateData, descriptors: Buffer.concat([registration('Opus'), channels]) };
		}
		default:
			return null;
	}
}

/** The format_identifier of a registration_descriptor among `descriptors`, as text; empty when there is none. */
export function registeredFormat(descriptors: Buffer): string {
	for (let at = 0; at + 2 <= descriptors.length; at += 2 + descriptors[at + 1]!) {
		if (descriptors[at] === REGISTRATION_DESCRIPTOR && descriptors[at + 1]! >= 4) {
			return descriptors.toString('latin1', at + 2, at + 6);
		}
	}
	return '';
}

/** channel_config_code of Opus, 0 when absent. */
export function opusChannels(descriptors: Buffer): number {
	for (let at = 0; at + 2 <= descriptors.length; at += 2 + descriptors[at + 1]!) {
		if (descriptors[at] === EXTENSION_DESCRIPTOR && descriptors[at + 2] === OPUS_EXTENSION_TAG) {
			return descriptors[at + 3] ?? 0;
		}
	}
	return 0;
}

function registration(format: string): Buffer {
	return Buffer.concat([Buffer.from([REGISTRATION_DESCRIPTOR, 4]), Buffer.from(format, 'latin1')]);
}
