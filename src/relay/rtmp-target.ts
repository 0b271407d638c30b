import { serializeAmf0 } from '../codec/amf0.js';
import { TagType } from '../container/flv/tag.js';
import { PeerError } from '../errors.js';
import { type Credentials, withCredentialQuery } from '../protocol/credentials.js';
import { RtmpClient } from '../protocol/rtmp/client.js';
import { MessageType } from '../protocol/rtmp/message.js';
import { parseRtmpUrl } from '../protocol/rtmp/url.js';
import { Loss } from './loss.js';
import type { MediaTag } from './media-tag.js';

/** RTMP timestamps are milliseconds modulo this. */
const TIMESTAMP_MODULUS = 2 ** 32;
const SET_DATA_FRAME = serializeAmf0('@setDataFrame');
/** A server that is about to stop asks for this, and waits for it. */
const RECONNECT_REQUEST = 'NetConnection.Connect.ReconnectRequest';

/** Publishes by RTMP or RTMPS. */
export class RtmpTarget {
	readonly #client: RtmpClient;
	readonly #loss: Loss;

	private constructor(client: RtmpClient, loss: Loss) {
		this.#client = client;
		this.#loss = loss;
	}

	static async open(url: URL, credentials: Credentials | null): Promise<RtmpTarget> {
		const parsed = parseRtmpUrl(url.href);
		if (parsed === null || parsed.streamName === '') {
			throw new PeerError('TARGET_FAILED', `${url.href} is no RTMP address: expected rtmp://host/app/name`);
		}
		const loss = new Loss();
		const client: RtmpClient = await RtmpClient.connect(parsed, {
			onStatus: (code) => {
				if (code === RECONNECT_REQUEST) {
					loss.set(new PeerError('TARGET_FAILED', 'the server is about to stop'));
					client.close();
				}
			},
		});
		void client.closed.then((error) => loss.set(error));
		try {
			await client.publish(withCredentialQuery(parsed.streamName, credentials));
		} catch (error) {
			client.close();
			throw error;
		}
		return new RtmpTarget(client, loss);
	}

	get failure(): Error | null {
		return this.#loss.error;
	}

	get lost(): Promise<Error> {
		return this.#loss.promise;
	}

	write({ tagType, dtsMs, body }: MediaTag): void {
		const timestampMs = dtsMs % TIMESTAMP_MODULUS;
		if (tagType === TagType.script) {
			this.#client.writeMessage(MessageType.dataAmf0, timestampMs, Buffer.concat([SET_DATA_FRAME, body]));
		} else {
			this.#client.writeMessage(tagType, timestampMs, body);
		}
	}

	drained(): Promise<void> {
		return this.#client.drained();
	}

	async finish(): Promise<void> {
		if (this.failure !== null) {
			throw this.failure;
		}
		this.#client.close();
		await this.lost;
	}

	close(): void {
		this.#client.close();
	}
}
