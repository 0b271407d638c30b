import { Backoff } from './backoff.js';
import { FlvMuxer, type PushedAudioCodec } from './flv-muxer.js';
import type { EncodedVideo } from './video-encoding.js';

export type PushState =
	| { kind: 'connecting' }
	| { kind: 'live' }
	| { kind: 'waiting'; reason: string; retryInMs: number };

export type PushListener = { state(state: PushState): void; wantKeyframe(): void };

/** With more than this much media waiting to be sent, pictures are left out until the line has caught up. */
const MAX_WAITING_S = 2;
const RESUME_WAITING_S = 0.3;

/**
 * Sends encoded media as FLV over a WebSocket, and connects again when the connection is lost: a new FLV stream then, whose time
 * goes on. Every connection begins with headers and a keyframe.
 */
export class PushConnection {
	readonly #url: string;
	readonly #muxer: FlvMuxer;
	readonly #hasAudio: boolean;
	readonly #listener: PushListener;
	readonly #bytesPerSecond: number;
	readonly #startedAtMs = performance.now();
	readonly #backoff = new Backoff(1000, 15_000);
	#socket: WebSocket | null = null;
	#retryTimer = 0;
	#videoConfig: Uint8Array | null = null;
	#audioConfig: Uint8Array | null = null;
	#begun = false;
	#congested = false;
	#bytesSent = 0;
	#framesSent = 0;
	#framesSkipped = 0;

	constructor(url: string, audioCodec: PushedAudioCodec | null, bitsPerSecond: number, listener: PushListener) {
		this.#url = url;
		this.#hasAudio = audioCodec !== null;
		this.#muxer = new FlvMuxer(audioCodec);
		this.#bytesPerSecond = bitsPerSecond / 8;
		this.#listener = listener;
		this.#connect();
	}

	get figures() {
		return {
			bytesSent: this.#bytesSent,
			framesSent: this.#framesSent,
			framesSkipped: this.#framesSkipped,
			bytesWaiting: this.#socket?.bufferedAmount ?? 0,
		};
	}

	videoConfig(config: Uint8Array): void {
		this.#videoConfig = config;
		if (this.#begun) {
			this.#send(this.#muxer.videoHeader(this.#now(performance.now()), config));
		}
	}

	audioConfig(config: Uint8Array): void {
		this.#audioConfig = config;
		if (this.#begun) {
			this.#send(this.#muxer.audioHeader(this.#now(performance.now()), config));
		}
	}

	video({ timestampMs, keyframe, data }: EncodedVideo): void {
		const time = this.#now(timestampMs);
		if (!this.#begun && keyframe && this.#socket?.readyState === WebSocket.OPEN) {
			this.#begin(time);
		}
		if (!this.#begun || this.#isCongested(keyframe)) {
			this.#framesSkipped++;
			return;
		}
		this.#framesSent++;
		this.#send(this.#muxer.videoFrame(time, keyframe, data));
	}

	audio(timestampMs: number, frame: Uint8Array): void {
		if (this.#begun && this.#audioConfig !== null) {
			this.#send(this.#muxer.audioFrame(this.#now(timestampMs), frame));
		}
	}

	close(): void {
		window.clearTimeout(this.#retryTimer);
		const socket = this.#socket;
		this.#socket = null;
		this.#begun = false;
		socket?.close(1000);
	}

	#connect(): void {
		this.#listener.state({ kind: 'connecting' });
		const socket = new WebSocket(this.#url);
		this.#socket = socket;
		socket.addEventListener('open', () => this.#listener.wantKeyframe());
		socket.addEventListener('close', ({ code, reason }) => {
			if (socket !== this.#socket) {
				return;
			}
			this.#socket = null;
			this.#begun = false;
			const retryInMs = this.#backoff.next();
			this.#listener.state({ kind: 'waiting', reason: closeReason(code, reason), retryInMs });
			this.#retryTimer = window.setTimeout(() => this.#connect(), retryInMs);
		});
	}

	#begin(time: number): void {
		this.#begun = true;
		this.#congested = false;
		this.#backoff.reset();
		this.#send(this.#muxer.fileHeader());
		if (this.#videoConfig !== null) {
			this.#send(this.#muxer.videoHeader(time, this.#videoConfig));
		}
		if (this.#hasAudio && this.#audioConfig !== null) {
			this.#send(this.#muxer.audioHeader(time, this.#audioConfig));
		}
		this.#listener.state({ kind: 'live' });
	}

	/** Once behind, waits for the line to be nearly free and then for a keyframe. */
	#isCongested(keyframe: boolean): boolean {
		const waitingS = (this.#socket?.bufferedAmount ?? 0) / this.#bytesPerSecond;
		if (!this.#congested) {
			this.#congested = waitingS > MAX_WAITING_S;
		} else if (waitingS < RESUME_WAITING_S) {
			if (keyframe) {
				this.#congested = false;
			} else {
				this.#listener.wantKeyframe();
			}
		}
		return this.#congested;
	}

	#now(pageTimeMs: number): number {
		return Math.max(0, Math.round(pageTimeMs - this.#startedAtMs));
	}

	#send(bytes: Uint8Array): void {
		this.#bytesSent += bytes.length;
		this.#socket?.send(bytes as Uint8Array<ArrayBuffer>);
	}
}

const ABNORMAL_CLOSURE = 1006;
/** Close codes from here on are refusals with a sentence for people. */
const FIRST_REFUSAL = 4400;

function closeReason(code: number, reason: string): string {
	if (code === ABNORMAL_CLOSURE) {
		return 'The server cannot be reached.';
	}
	if (reason === '') {
		return `The connection was closed (${code}).`;
	}
	return code >= FIRST_REFUSAL ? `${reason}.` : `The server closed the connection: ${reason}.`;
}
