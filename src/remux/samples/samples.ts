import type { AudioCodec, VideoCodec } from '../../codec/codec-name.js';
import { AacSamples } from './aac-samples.js';
import type { AudioSamples } from './audio-samples.js';
import { Av1Samples } from './av1-samples.js';
import { HeaderSamples } from './header-samples.js';
import { NalSamples } from './nal-samples.js';
import { SelfDescribingSamples } from './self-describing-samples.js';
import type { VideoSamples } from './video-samples.js';
import { VpSamples } from './vp-samples.js';

/** Null for a codec that no MP4 carries. */
export function videoSamplesOf(codec: VideoCodec): VideoSamples | null {
	switch (codec) {
		case 'h264':
		case 'h265':
		case 'h266':
			return new NalSamples(codec);
		case 'av1':
			return new Av1Samples();
		case 'vp8':
		case 'vp9':
			return new VpSamples(codec);
		default:
			return null;
	}
}

/** Null for a codec that no MP4 carries. */
export function audioSamplesOf(codec: AudioCodec): AudioSamples | null {
	switch (codec) {
		case 'aac':
			return new AacSamples();
		case 'mp3':
		case 'ac3':
		case 'eac3':
			return new SelfDescribingSamples(codec);
		case 'opus':
		case 'flac':
			return new HeaderSamples(codec);
		default:
			return null;
	}
}
