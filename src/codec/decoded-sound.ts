// Spec: ISO/IEC 14496-3 1.6.5 (what SBR and PS make of a core); DASH-IF IOP 3.2 (manifests tell what comes out of the decoder)
import { parseAudioSpecificConfig } from './aac/audio-specific-config.js';
import type { AudioConfig } from './track-config.js';

export type DecodedSound = { sampleRate: number; channels: number };

/** The sound that comes out of a decoder, for those who describe a track to players. HE-AAC has another rate inside. */
export function decodedSoundOf({ codec, record, sampleRate, channels }: AudioConfig): DecodedSound {
	if (codec !== 'aac') {
		return { sampleRate, channels };
	}
	const { sbrSampleRate, parametricStereo } = parseAudioSpecificConfig(record);
	return { sampleRate: sbrSampleRate ?? sampleRate, channels: parametricStereo && channels === 1 ? 2 : channels };
}
