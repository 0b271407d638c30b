import type { RingWriter } from '../../ring/ring-writer.js';

/** Audio-only streams can be joined this often. */
const AUDIO_START_POINT_MS = 500;
/** A stream whose video has been silent for this long can be joined at its audio. */
const VIDEO_SILENT_AFTER_MS = 5000;

/**
 * Decides where new subscribers may start. Of a stream with video that is at the keyframes of its lead track (the lowest track
 * id: 0, but for sources that never send a track 0); of one without, or whose video has fallen silent, at its audio.
 */
export class StartPoints {
	#leadVideoTrack: number | null = null;
	#lastVideoDtsMs: number | null = null;
	#lastAudioPointDtsMs: number | null = null;

	/** A header or frame of this video track has come. */
	noteVideoTrack(trackId: number): void {
		this.#leadVideoTrack = Math.min(this.#leadVideoTrack ?? trackId, trackId);
	}

	isLeadKeyframe(trackId: number, keyframe: boolean): boolean {
		return keyframe && trackId === this.#leadVideoTrack;
	}

	/** Right before an audio frame is written. `audioOnly`: as far as is known, the stream has no video. */
	beforeAudio(writer: RingWriter, dtsMs: number, audioOnly: boolean): void {
		const videoSilent = this.#lastVideoDtsMs !== null && dtsMs - this.#lastVideoDtsMs > VIDEO_SILENT_AFTER_MS;
		const isDue = this.#lastAudioPointDtsMs === null || dtsMs - this.#lastAudioPointDtsMs >= AUDIO_START_POINT_MS;
		if ((audioOnly || videoSilent) && isDue) {
			this.#lastAudioPointDtsMs = dtsMs;
			writer.markStartPoint(dtsMs);
		}
	}

	/** Right before a video frame is written. */
	beforeVideo(writer: RingWriter, dtsMs: number, trackId: number, keyframe: boolean): void {
		this.#lastVideoDtsMs = dtsMs;
		if (this.#lastAudioPointDtsMs !== null) {
			// So far there was nothing but audio. From here on the stream is joined at keyframes.
			this.clear(writer);
		}
		if (trackId !== 0 && this.isLeadKeyframe(trackId, keyframe)) {
			writer.markStartPoint(dtsMs); // those of track 0 the writer marks itself
		}
	}

	/** Nothing that is in the ring can be started from any more. */
	clear(writer: RingWriter): void {
		this.#lastAudioPointDtsMs = null;
		writer.clearStartPoints();
	}
}
