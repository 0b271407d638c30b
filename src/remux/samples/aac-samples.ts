// Spec: ISO/IEC 14496-3 1.A.2 (ADTS frames), 4.4.2.1 (raw_data_block: what MP4 and FLV should carry)
import { copyOf, type KeptBytes } from '../../bytes/kept.js';
import { type AdtsHeader, audioSpecificConfigOfAdts, parseAdtsHeader } from '../../codec/aac/adts.js';
import { parseAudioSpecificConfig } from '../../codec/aac/audio-specific-config.js';
import { type AudioConfig, parseAacConfig } from '../../codec/track-config.js';
import type { AudioSamples } from './audio-samples.js';

const NOTHING = Buffer.alloc(0);
const SYNC_BYTE = 0xff;

/** Samples of AAC. ADTS headers are taken off, and make the configuration where there is none or another one. */
export class AacSamples implements AudioSamples {
	config: AudioConfig | null = null;
	payload: Buffer = NOTHING;
	fault = '';
	#header: { record: KeptBytes; config: AudioConfig } | null = null;
	/** Stands for the sound that the last ADTS header described; -1 before the first. */
	#adtsKey = -1;

	header(record: Buffer): void {
		if (!this.#header?.record.equals(record)) {
			const copy = copyOf(record);
			this.#header = { record: copy, config: parseAacConfig(copy) };
			this.splice();
		}
	}

	accept(frames: Buffer): number {
		this.fault = '';
		const adts = frames[0] === SYNC_BYTE ? wholeAdtsFrame(frames) : null;
		this.payload = adts === null ? frames : frames.subarray(adts.headerBytes, adts.frameBytes);
		if (adts !== null) {
			this.#takeHeader(adts);
		}
		if (adts !== null && adts.blocks > 1) {
			this.fault = `ADTS frame of ${adts.blocks} raw data blocks`;
		} else if (this.config === null) {
			this.fault = 'AAC without a configuration';
		}
		return adts === null ? frames.length : adts.frameBytes;
	}

	splice(): void {
		this.#adtsKey = -1;
		this.config = this.#header?.config ?? null;
	}

	#takeHeader(adts: AdtsHeader): void {
		const { objectType, sampleRate, channelConfiguration } = adts;
		const key = (sampleRate * 8 + channelConfiguration) * 8 + objectType;
		if (key === this.#adtsKey) {
			return;
		}
		const known = this.config === null ? null : parseAudioSpecificConfig(this.config.record);
		const isKnown =
			known?.objectType === objectType &&
			known.sampleRate === sampleRate &&
			known.channelConfiguration === channelConfiguration;
		if (!isKnown) {
			this.config = parseAacConfig(audioSpecificConfigOfAdts(adts, this.payload));
		}
		this.#adtsKey = key;
	}
}

/** The header of an ADTS frame that ends within `bytes`, or null: they are a raw data block. */
function wholeAdtsFrame(bytes: Buffer): AdtsHeader | null {
	const header = parseAdtsHeader(bytes, 0);
	if (header === null || header.frameBytes > bytes.length) {
		return null;
	}
	const endsHere = header.frameBytes === bytes.length || parseAdtsHeader(bytes, header.frameBytes) !== null;
	return endsHere ? header : null;
}
