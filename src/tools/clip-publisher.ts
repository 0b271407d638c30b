import { setTimeout as sleep } from 'node:timers/promises';
import { serializeAmf0 } from '../codec/amf0.js';
import { RtmpClient } from '../protocol/rtmp/client.js';
import { MessageType } from '../protocol/rtmp/message.js';
import { parseRtmpUrl, type RtmpUrl } from '../protocol/rtmp/url.js';
import type { ClipTag, EndlessClip } from './endless-clip.js';

/** RTMP timestamps are milliseconds modulo this. */
const TIMESTAMP_MODULUS = 2 ** 32;
const RETRY_MS = 1000;
/** A server that is about to stop asks for this, and waits for it. */
const RECONNECT_REQUEST = 'NetConnection.Connect.ReconnectRequest';

/** Publishes a clip by RTMP in real time, for ever; when the connection is lost, again a second later. */
export class ClipPublisher {
	readonly #clip: EndlessClip;
	readonly #metadata: Record<string, number | string>;
	readonly #url: RtmpUrl;
	readonly #stop = new AbortController();

	/** `url` is rtmp://host/app/name; throws TypeError when it is not. `metadata` goes out as onMetaData. */
	constructor(clip: EndlessClip, url: string, metadata: Record<string, number | string>) {
		const parsed = parseRtmpUrl(url);
		if (parsed === null) {
			throw new TypeError(`${url} is no RTMP URL`);
		}
		this.#clip = clip;
		this.#url = parsed;
		this.#metadata = metadata;
	}

	/** Publishes until `stop`. `lost` is told why a connection ended. */
	async run(lost: (reason: string) => void): Promise<void> {
		const { signal } = this.#stop;
		while (!signal.aborted) {
			try {
				await this.#publish(signal);
			} catch (error) {
				if (!signal.aborted) {
					lost(error instanceof Error ? error.message : String(error));
					await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
				}
			}
		}
	}

	stop(): void {
		this.#stop.abort();
	}

	async #publish(signal: AbortSignal): Promise<void> {
		const client: RtmpClient = await RtmpClient.connect(this.#url, {
			onStatus: (code) => {
				if (code === RECONNECT_REQUEST) {
					client.close();
				}
			},
		});
		try {
			await client.publish(this.#url.streamName);
			const metadata = serializeAmf0('@setDataFrame', 'onMetaData', new Map(Object.entries(this.#metadata)));
			client.writeMessage(MessageType.dataAmf0, 0, metadata);
			for (const header of this.#clip.headers) {
				send(client, header);
			}
			await Promise.race([this.#pace(client, signal), client.closed.then((reason) => Promise.reject(reason))]);
		} finally {
			client.close();
		}
	}

	/** Sends every frame when it is due. Frames that a busy machine has missed go out at once. */
	async #pace(client: RtmpClient, signal: AbortSignal): Promise<void> {
		const startedAtMs = performance.now();
		for (let index = 0; ; index++) {
			const frame = this.#clip.frame(index);
			const dueInMs = startedAtMs + frame.timestampMs - performance.now();
			if (dueInMs > 0) {
				await sleep(dueInMs, undefined, { signal });
			}
			send(client, frame);
			await client.drained();
		}
	}
}

function send(client: RtmpClient, { tagType, timestampMs, body }: ClipTag): void {
	client.writeMessage(tagType, timestampMs % TIMESTAMP_MODULUS, body);
}
