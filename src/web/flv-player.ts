import type Mpegts from 'mpegts.js';
import { Backoff } from './backoff.js';
import { joinCodecs, mediaSourceSupports, type Player, type PlayerListener, playVideo } from './player.js';

/** The player library is a script of its own on the page. */
declare const mpegts: typeof Mpegts;

type MediaInfo = { mimeType?: string; videoCodec?: string; audioCodec?: string };
type Fault = { code?: number; msg?: string };
/** The library gives a demuxer's fault as a text alone. */
type FaultInfo = Fault | string;
type Statistics = { speed?: number; decodedFrames?: number; droppedFrames?: number };

const TICK_MS = 500;
/** A publisher that is away is waited for by the server; a connection that is dead without a sign is given up here. */
const SILENCE_SHOWN_MS = 3000;
const SILENCE_LIMIT_MS = 30_000;
/** Further behind than this, faster playing would take too long: jump. Never before playback has settled. */
const JUMP_BEHIND_S = 6;
const JUMP_AFTER_HIDDEN_S = 2;
const SETTLED_MS = 4000;
const LIVE_EDGE_S = 0.7;

/** Plays one live FLV stream in a video element, over HTTP or WebSocket, until it is stopped: reconnects, catches up, explains. */
export class FlvPlayer implements Player {
	readonly #video: HTMLVideoElement;
	readonly #url: string;
	readonly #listener: PlayerListener;
	readonly #backoff = new Backoff(1000, 15_000);
	readonly #onVisible = (): void => this.#catchUp(JUMP_AFTER_HIDDEN_S);
	#player: Mpegts.Player | null = null;
	#mediaInfo: MediaInfo = {};
	#statistics: Statistics = {};
	#ticker = 0;
	#retryTimer = 0;
	#reconnects = -1;
	#playingSince = 0;
	#newestEnd = 0;
	#newestEndAt = 0;
	#silent = false;

	constructor(video: HTMLVideoElement, url: string, listener: PlayerListener) {
		this.#video = video;
		this.#url = url;
		this.#listener = listener;
	}

	start(): void {
		if (!mpegts.isSupported()) {
			this.#listener.state({ kind: 'failed', reason: 'This browser has no Media Source Extensions, which FLV needs.' });
			return;
		}
		mpegts.LoggingControl.applyConfig({ enableVerbose: false, enableDebug: false, enableInfo: false });
		document.addEventListener('visibilitychange', this.#onVisible);
		this.#ticker = window.setInterval(() => this.#tick(), TICK_MS);
		this.#connect();
	}

	stop(): void {
		document.removeEventListener('visibilitychange', this.#onVisible);
		window.clearInterval(this.#ticker);
		window.clearTimeout(this.#retryTimer);
		this.#disconnect();
	}

	#connect(): void {
		this.#reconnects++;
		this.#playingSince = 0;
		this.#newestEnd = 0;
		this.#newestEndAt = performance.now();
		this.#mediaInfo = {};
		this.#statistics = {};
		this.#listener.state({ kind: 'connecting' });
		const player = mpegts.createPlayer(
			{ type: 'flv', isLive: true, url: this.#url },
			{
				...{ enableStashBuffer: false, lazyLoad: false, autoCleanupSourceBuffer: true },
				...{ autoCleanupMaxBackwardDuration: 60, autoCleanupMinBackwardDuration: 30 },
				...{ liveSync: true, liveSyncMaxLatency: 1.5, liveSyncTargetLatency: 0.7, liveSyncPlaybackRate: 1.1 },
			},
		);
		this.#player = player;
		player.on(mpegts.Events.MEDIA_INFO, (info: MediaInfo) => {
			this.#mediaInfo = info;
		});
		player.on(mpegts.Events.STATISTICS_INFO, (statistics: Statistics) => {
			this.#statistics = statistics;
		});
		player.on(mpegts.Events.LOADING_COMPLETE, () =>
			// A refused WebSocket looks like one that ended at once.
			this.#retry(player, this.#playingSince === 0 ? 'The stream is not live.' : 'The stream has ended.'),
		);
		player.on(mpegts.Events.ERROR, (type: string, detail: string, info: FaultInfo) =>
			this.#failed(player, type, detail, typeof info === 'string' ? { msg: info } : info),
		);
		player.attachMediaElement(this.#video);
		player.load();
		void playVideo(this.#video);
	}

	#disconnect(): void {
		const player = this.#player;
		this.#player = null;
		// Not at once: it may have more events under way, and would fail when it tells of them.
		window.setTimeout(() => player?.destroy());
	}

	#failed(player: Mpegts.Player, type: string, detail: string, info: Fault): void {
		if (player !== this.#player) {
			return;
		}
		const { mimeType = '' } = this.#mediaInfo;
		const undecodable = mimeType !== '' && !mediaSourceSupports(mimeType);
		if (detail === mpegts.ErrorDetails.MEDIA_CODEC_UNSUPPORTED || undecodable) {
			const codec = undecodable ? codecsOf(this.#mediaInfo) : (info.msg ?? 'unknown');
			this.#disconnect();
			this.#listener.state({ kind: 'failed', reason: `This browser cannot play the codec of the stream (${codec}).` });
			return;
		}
		this.#retry(player, reasonOf(type, detail, info));
	}

	#retry(player: Mpegts.Player, reason: string): void {
		if (player !== this.#player) {
			return;
		}
		this.#disconnect();
		const retryInMs = this.#backoff.next();
		this.#listener.state({ kind: 'waiting', reason, retryInMs });
		this.#retryTimer = window.setTimeout(() => this.#connect(), retryInMs);
	}

	#tick(): void {
		const player = this.#player;
		if (player === null) {
			return;
		}
		const now = performance.now();
		const { buffered, currentTime } = this.#video;
		const end = buffered.length === 0 ? 0 : buffered.end(buffered.length - 1);
		if (end !== this.#newestEnd) {
			this.#newestEnd = end;
			this.#newestEndAt = now;
		}
		const silentMs = now - this.#newestEndAt;
		if (silentMs > SILENCE_LIMIT_MS) {
			this.#retry(player, 'No media came for a while.');
			return;
		}
		this.#showProgress(silentMs > SILENCE_SHOWN_MS, now);
		this.#leaveGap();
		if (this.#playingSince !== 0 && now - this.#playingSince > SETTLED_MS) {
			this.#catchUp(JUMP_BEHIND_S);
		}
		const { videoWidth: width, videoHeight: height } = this.#video;
		const { speed = 0, decodedFrames = 0, droppedFrames = 0 } = this.#statistics;
		this.#listener.figures({
			behindMs: Math.max(0, (end - currentTime) * 1000),
			bitsPerSecond: speed * 1024 * 8,
			...{ width, height, codecs: codecsOf(this.#mediaInfo), decodedFrames, droppedFrames },
			reconnects: this.#reconnects,
		});
	}

	#showProgress(silent: boolean, now: number): void {
		if (this.#playingSince === 0) {
			if (this.#video.currentTime > 0 && this.#video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) {
				this.#playingSince = now;
				this.#silent = false;
				this.#backoff.reset();
				this.#listener.state({ kind: 'playing' });
			}
		} else if (silent !== this.#silent) {
			this.#silent = silent;
			this.#listener.state({ kind: silent ? 'paused-source' : 'playing' });
		}
	}

	/** Playback stands before a hole in the media, as a lost publisher leaves it: go on behind the hole. */
	#leaveGap(): void {
		const { buffered, currentTime, readyState, paused } = this.#video;
		if (paused || readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) {
			return;
		}
		for (let index = 0; index < buffered.length; index++) {
			if (buffered.start(index) > currentTime) {
				this.#video.currentTime = buffered.start(index) + 0.01;
				return;
			}
		}
	}

	/** Jumps to the live edge when the picture is further behind than `limitS`. Not while the user has paused. */
	#catchUp(limitS: number): void {
		const { buffered, currentTime, paused } = this.#video;
		if (document.hidden || paused || buffered.length === 0) {
			return;
		}
		const end = buffered.end(buffered.length - 1);
		if (end - currentTime > limitS) {
			this.#video.currentTime = Math.max(buffered.start(buffered.length - 1), end - LIVE_EDGE_S);
		}
	}
}

function reasonOf(type: string, detail: string, info: Fault): string {
	if (detail === mpegts.ErrorDetails.NETWORK_STATUS_CODE_INVALID) {
		return info.code === 404 ? 'The stream is not live.' : `The server answered ${info.code}.`;
	}
	if (type === mpegts.ErrorTypes.NETWORK_ERROR) {
		return 'The server cannot be reached, or the stream is not live.';
	}
	return `Playback failed: ${info.msg ?? detail}.`;
}

function codecsOf({ videoCodec, audioCodec }: MediaInfo): string {
	return joinCodecs(videoCodec, audioCodec);
}
