import { iterateAc3SyncFrames } from './ac3/sync-frame.js';
import { flacFrameSamples } from './flac/stream-info.js';
import { opusPacketSamples } from './opus/identification-header.js';
import type { AudioConfig } from './track-config.js';

/** Samples that `frame` plays for, in units of the track's sample rate; 0 when the frame does not say. */
export function audioFrameSamples(config: AudioConfig, frame: Uint8Array): number {
	if (config.frameSamples > 0) {
		return config.frameSamples;
	}
	switch (config.codec) {
		case 'opus':
			return opusPacketSamples(frame);
		case 'flac':
			return flacFrameSamples(frame);
		case 'eac3': {
			let samples = 0;
			for (const syncFrame of iterateAc3SyncFrames(frame)) {
				samples += syncFrame.streamType !== 1 && syncFrame.substreamId === 0 ? syncFrame.frameSamples : 0;
			}
			return samples;
		}
		default:
			return 0;
	}
}
