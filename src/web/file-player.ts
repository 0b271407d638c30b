import type Mpegts from 'mpegts.js';
import { type Player, type PlayerListener, playVideo } from './player.js';

/** The player library is a script of its own on the page. */
declare const mpegts: typeof Mpegts;

const TICK_MS = 500;

/** Plays a recording that is one file, MP4 or FLV, from its beginning. A seek fetches its place by a range. */
export class FilePlayer implements Player {
	readonly #video: HTMLVideoElement;
	readonly #url: string;
	/** Said when the file is not there. */
	readonly #missing: string;
	readonly #listener: PlayerListener;
	readonly #onPlaying = (): void => this.#listener.state({ kind: 'playing' });
	readonly #onError = (): void => void this.#fail(this.#video.error?.message ?? '');
	#flv: Mpegts.Player | null = null;
	#ticker = 0;

	constructor(video: HTMLVideoElement, url: string, missing: string, listener: PlayerListener) {
		this.#video = video;
		this.#url = url;
		this.#missing = missing;
		this.#listener = listener;
	}

	start(): void {
		this.#listener.state({ kind: 'connecting' });
		this.#video.addEventListener('playing', this.#onPlaying);
		this.#ticker = window.setInterval(() => this.#tick(), TICK_MS);
		if (this.#url.endsWith('.flv')) {
			this.#startFlv();
		} else {
			this.#video.addEventListener('error', this.#onError);
			this.#video.src = this.#url;
		}
		void playVideo(this.#video);
	}

	stop(): void {
		window.clearInterval(this.#ticker);
		this.#video.removeEventListener('playing', this.#onPlaying);
		this.#video.removeEventListener('error', this.#onError);
		const player = this.#flv;
		// Not at once: it may have more events under way, and would fail when it tells of them.
		window.setTimeout(() => player?.destroy());
	}

	#startFlv(): void {
		if (!mpegts.isSupported()) {
			this.#listener.state({ kind: 'failed', reason: 'This browser has no Media Source Extensions, which FLV needs.' });
			return;
		}
		mpegts.LoggingControl.applyConfig({ enableVerbose: false, enableDebug: false, enableInfo: false });
		this.#flv = mpegts.createPlayer({ type: 'flv', isLive: false, url: this.#url });
		this.#flv.on(mpegts.Events.ERROR, (_type: string, detail: string) => void this.#fail(detail));
		this.#flv.attachMediaElement(this.#video);
		this.#flv.load();
	}

	/** A video element does not tell a file that is not there from one that it cannot play: the server does. */
	async #fail(detail: string): Promise<void> {
		this.stop();
		const { status } = await fetch(this.#url, { method: 'HEAD' });
		const reason = status === 404 ? this.#missing : `Playback failed: ${detail} (${status}).`;
		this.#listener.state({ kind: 'failed', reason });
	}

	#tick(): void {
		const { videoWidth: width, videoHeight: height } = this.#video;
		const { totalVideoFrames, droppedVideoFrames } = this.#video.getVideoPlaybackQuality();
		const frames = { decodedFrames: totalVideoFrames, droppedFrames: droppedVideoFrames };
		this.#listener.figures({ behindMs: 0, bitsPerSecond: 0, width, height, codecs: '', ...frames, reconnects: 0 });
	}
}
