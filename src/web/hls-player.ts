import type HlsJs from 'hls.js';
import type { ErrorData, FragLoadedData, HlsConfig } from 'hls.js';
import { Backoff } from './backoff.js';
import { joinCodecs, type Player, type PlayerListener, playVideo } from './player.js';

/** The player library is a script of its own on the page. */
declare const Hls: typeof HlsJs;

const TICK_MS = 500;
/** Without a new picture for this long, the publisher is away. */
const SILENCE_SHOWN_MS = 3000;
/** The picture may run this much faster to get back to where a live player should be. */
const CATCH_UP_RATE = 1.1;
const HLS_TYPE = 'application/vnd.apple.mpegurl';

export type HlsPlayerOptions = {
	/** Begins where the playlist begins, and ends with it; else it is live, and an end is waited over. */
	recorded: boolean;
	/** Said when the playlist is not there. */
	missing: string;
};

/** Plays an HLS playlist in a video element: with hls.js, or, where there are no Media Source Extensions, by the browser itself. */
export class HlsPlayer implements Player {
	readonly #video: HTMLVideoElement;
	readonly #url: string;
	readonly #options: HlsPlayerOptions;
	readonly #listener: PlayerListener;
	readonly #backoff = new Backoff(1000, 15_000);
	readonly #onEnded = (): void => this.#atEnd();
	readonly #onError = (): void => this.#retry(this.#options.missing);
	#hls: HlsJs | null = null;
	#codecs = '';
	#bitsPerSecond = 0;
	#ticker = 0;
	#retryTimer = 0;
	#reconnects = -1;
	#lastTime = 0;
	#movedAt = 0;
	#shown: 'connecting' | 'playing' | 'paused-source' = 'connecting';

	constructor(video: HTMLVideoElement, url: string, options: HlsPlayerOptions, listener: PlayerListener) {
		this.#video = video;
		this.#url = url;
		this.#options = options;
		this.#listener = listener;
	}

	start(): void {
		if (!Hls.isSupported() && this.#video.canPlayType(HLS_TYPE) === '') {
			this.#listener.state({
				kind: 'failed',
				reason: 'This browser can play neither HLS nor Media Source Extensions.',
			});
			return;
		}
		this.#video.addEventListener('ended', this.#onEnded);
		this.#ticker = window.setInterval(() => this.#tick(), TICK_MS);
		this.#connect();
	}

	stop(): void {
		this.#video.removeEventListener('ended', this.#onEnded);
		window.clearInterval(this.#ticker);
		window.clearTimeout(this.#retryTimer);
		this.#disconnect();
	}

	#connect(): void {
		this.#reconnects++;
		this.#shown = 'connecting';
		this.#lastTime = 0;
		this.#movedAt = performance.now();
		this.#listener.state({ kind: 'connecting' });
		if (Hls.isSupported()) {
			this.#connectHls();
		} else {
			this.#video.addEventListener('error', this.#onError, { once: true });
			this.#video.src = this.#url;
		}
		void playVideo(this.#video);
	}

	#connectHls(): void {
		const config: Partial<HlsConfig> = this.#options.recorded
			? { startPosition: 0 }
			: { maxLiveSyncPlaybackRate: CATCH_UP_RATE };
		const hls = new Hls(config);
		this.#hls = hls;
		hls.on(Hls.Events.BUFFER_CODECS, (_, { audio, video, audiovideo }) => {
			this.#codecs = joinCodecs(...[audiovideo, video, audio].flatMap((track) => track?.codec?.split(',')));
		});
		hls.on(Hls.Events.FRAG_LOADED, (_, data: FragLoadedData) => {
			const { frag, part } = data;
			const { stats, duration } = part ?? frag;
			this.#bitsPerSecond = duration > 0 ? (stats.loaded * 8) / duration : 0;
		});
		hls.on(Hls.Events.ERROR, (_, error: ErrorData) => this.#onHlsError(hls, error));
		hls.loadSource(this.#url);
		hls.attachMedia(this.#video);
	}

	#onHlsError(hls: HlsJs, error: ErrorData): void {
		if (!error.fatal || hls !== this.#hls) {
			return;
		}
		if (error.details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) {
			this.stop();
			this.#listener.state({ kind: 'failed', reason: 'This browser cannot play the codecs of the stream.' });
			return;
		}
		const status = error.response?.code;
		this.#retry(
			status === 404 ? this.#options.missing : `Playback failed: ${error.details}${status ? ` (${status})` : ''}.`,
		);
	}

	#atEnd(): void {
		if (!this.#options.recorded) {
			this.#retry('The stream has ended.');
		}
	}

	#retry(reason: string): void {
		this.#disconnect();
		const retryInMs = this.#backoff.next();
		this.#listener.state({ kind: 'waiting', reason, retryInMs });
		this.#retryTimer = window.setTimeout(() => this.#connect(), retryInMs);
	}

	#disconnect(): void {
		this.#video.removeEventListener('error', this.#onError);
		this.#hls?.destroy();
		this.#hls = null;
		this.#video.removeAttribute('src');
	}

	#tick(): void {
		const { currentTime, paused, videoWidth: width, videoHeight: height } = this.#video;
		const now = performance.now();
		if (currentTime !== this.#lastTime) {
			const moved = this.#lastTime !== 0;
			this.#lastTime = currentTime;
			this.#movedAt = now;
			if (moved) {
				this.#show('playing');
			}
		} else if (this.#shown === 'playing' && !paused && !this.#video.ended && now - this.#movedAt > SILENCE_SHOWN_MS) {
			this.#show('paused-source');
		}
		const { totalVideoFrames, droppedVideoFrames } = this.#video.getVideoPlaybackQuality();
		this.#listener.figures({
			behindMs: this.#behindMs(),
			bitsPerSecond: this.#bitsPerSecond,
			...{ width, height, codecs: this.#codecs },
			decodedFrames: totalVideoFrames,
			droppedFrames: droppedVideoFrames,
			reconnects: this.#reconnects,
		});
	}

	#show(kind: 'playing' | 'paused-source'): void {
		if (this.#shown !== kind) {
			this.#shown = kind;
			this.#listener.state({ kind });
		}
		if (kind === 'playing') {
			this.#backoff.reset();
		}
	}

	#behindMs(): number {
		if (this.#hls !== null) {
			return Math.max(0, this.#hls.latency * 1000);
		}
		const { seekable, currentTime } = this.#video;
		return seekable.length === 0 ? 0 : Math.max(0, (seekable.end(seekable.length - 1) - currentTime) * 1000);
	}
}
