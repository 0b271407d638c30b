import { videoRange } from '../../codec/colour.js';
import { decodedSoundOf } from '../../codec/decoded-sound.js';
import type { TrackConfig } from '../../codec/track-config.js';
import { type AudioRendition, serializeMultivariantPlaylist } from '../../protocol/m3u8/multivariant-playlist.js';

export const MASTER_PLAYLIST = 'index.m3u8';

/** Bits per second of all tracks together. */
export type Bandwidth = { peak: number; average: number | null };

const VERSION = 7;
const AUDIO_GROUP = 'audio';

/** `index.m3u8` of output_separate: the picture's playlist with the sound's beside it, or the only one there is. */
export function masterPlaylist(tracks: readonly TrackConfig[], bandwidth: Bandwidth): string {
	const picture = tracks.find((config) => config.kind === 'video') ?? null;
	const sound = tracks.find((config) => config.kind === 'audio') ?? null;
	const renditions: AudioRendition[] = [];
	if (picture !== null && sound !== null) {
		const { channels } = decodedSoundOf(sound);
		renditions.push({ groupId: AUDIO_GROUP, name: 'Default', uri: 'audio.m3u8', channels, isDefault: true });
	}
	return serializeMultivariantPlaylist({
		version: VERSION,
		independentSegments: false,
		audio: renditions,
		variants: [
			{
				uri: picture === null ? 'audio.m3u8' : 'video.m3u8',
				bandwidth: bandwidth.peak,
				averageBandwidth: bandwidth.average,
				codecs: tracks.map(({ codecString }) => codecString),
				width: picture?.width ?? null,
				height: picture?.height ?? null,
				frameRate: picture?.frameRate ?? null,
				videoRange: picture === null ? null : videoRange(picture.colour),
				audioGroup: renditions.length > 0 ? AUDIO_GROUP : null,
			},
		],
	});
}
