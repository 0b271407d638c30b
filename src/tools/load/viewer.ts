import { connect, type Socket } from 'node:net';
import { FlvScanner, type Tag } from './flv-scanner.js';
import { HttpFlvReader, playRequest, WEB_SOCKET_CLOSE } from './http-flv-reader.js';
import { RtmpClient } from './rtmp-client.js';
import { StreamCheck } from './stream-check.js';

/** All sockets of a process read into this one buffer: a read is used up before the next one. No allocation for each read. */
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);

export type ViewerOptions = {
	/** `http:`, `ws:` or `rtmp:`. */
	url: URL;
	/** Parse every tag to the end; otherwise only up to the first keyframe, and then count bytes and gaps. */
	checked: boolean;
	/** Usual distance of two frames by FLV tag type. */
	stepMs: Readonly<Record<number, number>>;
	localAddress?: string | undefined;
	/** Reads no faster than this. */
	readKbps?: number;
	/** Sees every tag that is parsed, and when its last byte was read; the body is borrowed. */
	onTag?: (tag: Tag, readAtMs: number) => void;
};

/** Takes the server's bytes apart. */
type Wire = { push(bytes: Buffer): void };

/** One viewer on a raw socket. Its figures are read by ViewerGroup; times are those of `performance.now()`. */
export class Viewer {
	readonly check: StreamCheck;
	firstByteMs: number | null = null;
	firstKeyframeMs: number | null = null;
	/** Why this viewer is not served, or was served no longer. */
	failure: string | null = null;
	windowBytes = 0;
	longestGapMs = 0;
	readonly options: ViewerOptions;
	readonly #connectAtMs = performance.now();
	readonly #socket: Socket;
	#flv: FlvScanner | null = null;
	#rtmp: RtmpClient | null = null;
	#wire: Wire | null;
	#lastReadAtMs = this.#connectAtMs;
	#bytes = 0;
	#acknowledged = 0;

	constructor(options: ViewerOptions) {
		const { url, localAddress } = options;
		this.options = options;
		this.check = new StreamCheck(options.stepMs);
		this.#wire = url.protocol === 'rtmp:' ? this.#openRtmp(url) : this.#openHttp(url);
		const defaultPort = url.protocol === 'rtmp:' ? 1935 : 80;
		this.#socket = connect({
			host: url.hostname,
			port: Number(url.port || defaultPort),
			...(localAddress === undefined ? {} : { localAddress }),
			onread: { buffer: READ_BUFFER, callback: (length) => this.#onRead(length) },
		});
		this.#socket.on('connect', () => this.#onConnect());
		this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? error.message));
		this.#socket.on('close', () => this.#fail('closed by the server'));
	}

	/** Served its first picture, or never will be. */
	get settled(): boolean {
		return this.firstKeyframeMs !== null || this.failure !== null;
	}

	/** Flags byte of the FLV header (4 = audio, 1 = video); -1 before it has come, and for RTMP. */
	get flvFlags(): number {
		return this.#flv?.flags ?? -1;
	}

	/** Gaps and bytes count from here on. */
	beginWindow(): void {
		this.windowBytes = 0;
		this.longestGapMs = 0;
	}

	/** Counts the time since the last byte as a gap too. */
	endWindow(): void {
		this.longestGapMs = Math.max(this.longestGapMs, performance.now() - this.#lastReadAtMs);
	}

	close(): void {
		this.#socket.removeAllListeners('close');
		this.#socket.destroy();
	}

	#openHttp(url: URL): Wire {
		const flv = new FlvScanner((tag) => this.#onTag(tag));
		this.#flv = flv;
		const close = (): void => {
			this.#socket.end(WEB_SOCKET_CLOSE);
		};
		const expected = url.protocol === 'ws:' ? 101 : 200;
		const checkStatus = (status: number): void => {
			if (status !== expected) {
				throw new Error(`HTTP ${status}`);
			}
		};
		const media = (bytes: Buffer): void => {
			checkStatus(reader.head?.status ?? 0);
			flv.push(bytes);
		};
		const reader: HttpFlvReader = new HttpFlvReader(media, close);
		return {
			push: (bytes) => {
				reader.push(bytes);
				checkStatus(reader.head?.status ?? expected);
			},
		};
	}

	#openRtmp(url: URL): Wire {
		const send = (bytes: Buffer): void => {
			this.#socket.write(bytes);
		};
		// Play.Start is not required to come before the first frame: nginx-rtmp sends it, others differ.
		this.#rtmp = new RtmpClient(url, 'play', send, { started: () => undefined, tag: (tag) => this.#onTag(tag) });
		return this.#rtmp;
	}

	#onConnect(): void {
		if (this.#rtmp === null) {
			this.#socket.write(playRequest(this.options.url));
		} else {
			this.#rtmp.start();
		}
	}

	#onRead(length: number): boolean {
		const nowMs = performance.now();
		const gapMs = nowMs - this.#lastReadAtMs;
		// The time to the first byte has a figure of its own.
		if (gapMs > this.longestGapMs && this.firstByteMs !== null) {
			this.longestGapMs = gapMs;
		}
		this.#lastReadAtMs = nowMs;
		this.#bytes += length;
		this.windowBytes += length;
		this.firstByteMs ??= nowMs - this.#connectAtMs;
		if (this.#wire !== null) {
			this.#parse(this.#wire, READ_BUFFER.subarray(0, length));
		}
		if (this.#rtmp !== null && this.#rtmp.windowAckSize > 0) {
			this.#acknowledge(this.#rtmp);
		}
		if (this.options.readKbps !== undefined) {
			setTimeout(() => this.#socket.resume(), (length * 8) / this.options.readKbps);
			return false;
		}
		return true;
	}

	#parse(wire: Wire, bytes: Buffer): void {
		try {
			wire.push(bytes);
		} catch (error) {
			this.#fail(error instanceof Error ? error.message : String(error));
			this.#socket.destroy();
		}
	}

	#acknowledge(rtmp: RtmpClient): void {
		if (this.#bytes - this.#acknowledged > rtmp.windowAckSize / 2) {
			this.#acknowledged = this.#bytes;
			rtmp.acknowledge(this.#bytes);
		}
	}

	#onTag(tag: Tag): void {
		this.check.push(tag);
		this.options.onTag?.(tag, this.#lastReadAtMs);
		if (this.firstKeyframeMs === null && this.check.hasKeyframe) {
			this.firstKeyframeMs = performance.now() - this.#connectAtMs;
			this.#wire = this.options.checked ? this.#wire : null;
		}
	}

	#fail(reason: string): void {
		this.failure ??= reason;
	}
}
