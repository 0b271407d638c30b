import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Config } from '../../config/schema.js';
import { peerErrorOf } from '../../errors.js';
import type { Counters } from '../../metrics/counters.js';
import { cachePolicy } from './cache-policy.js';
import { GrowingObject } from './growing-object.js';
import { encodeTarget, type ObjectFetcher, type Outcome } from './object-fetcher.js';
import type { UpstreamClient } from './upstream-request.js';

/** An object like any other, or one that is still being made, with its upstream's headers. */
export type GrowingOutcome = Outcome | { growing: GrowingObject; contentType: string; cacheControl: string };

type Asking = { object: GrowingObject; outcome: Promise<GrowingOutcome> };

export type GrowingObjectsOptions = {
	config: () => Config;
	client: UpstreamClient;
	fetcher: Pick<ObjectFetcher, 'take'>;
	counters: Counters;
	relayFields: (via: readonly string[]) => OutgoingHttpHeaders;
};

/** Objects that upstreams may still be making: one request for each in this thread, as long as somebody wants it. */
export class GrowingObjects {
	readonly #options: GrowingObjectsOptions;
	readonly #asking = new Map<string, Asking>();

	constructor(options: GrowingObjectsOptions) {
		this.#options = options;
	}

	/** Asks for an object with all who do; `leave` is to be called in the end. `outcome` rejects with PeerError. */
	join(key: string, via: readonly string[]): { outcome: Promise<GrowingOutcome>; leave: () => void } {
		const { object, outcome } = this.#asking.get(key) ?? this.#ask(key, via);
		return { outcome, leave: object.join() };
	}

	#ask(key: string, via: readonly string[]): Asking {
		const forget = (): void => {
			if (this.#asking.get(key)?.object === object) {
				this.#asking.delete(key);
			}
		};
		const object = new GrowingObject(forget);
		const outcome = new Promise<GrowingOutcome>((resolve, reject) => {
			this.#request(key, via, object, resolve)
				.catch((error: unknown) => {
					// Once the object grows, its readers have their outcome, and only the second call counts.
					reject(peerErrorOf(error));
					object.settle('lost');
				})
				.finally(forget);
		});
		const asking = { object, outcome };
		this.#asking.set(key, asking);
		return asking;
	}

	async #request(
		key: string,
		via: readonly string[],
		object: GrowingObject,
		resolve: (outcome: GrowingOutcome) => void,
	): Promise<void> {
		const { config, client, fetcher, counters, relayFields } = this.#options;
		const { cache, gateway } = config();
		const request = {
			method: 'GET',
			target: encodeTarget(key),
			headers: { ...relayFields(via), 'Accept-Encoding': 'identity' },
			timeoutMs: gateway.stallTimeout,
			signal: object.signal,
		};
		let hasBegun = false;
		const use = async (response: IncomingMessage): Promise<void> => {
			if (!isGrowing(key, response)) {
				resolve(await fetcher.take(key, response));
				object.settle('end');
				return;
			}
			hasBegun = true;
			const { 'content-type': contentType = '', 'cache-control': cacheControl = 'no-store' } = response.headers;
			resolve({ growing: object, contentType, cacheControl });
			await object.read(response, cache.maxObject, (bytes) => counters.add('fileUpstreamBytes', bytes));
		};
		await client.ask(request, use, () => hasBegun);
	}
}

/** True when an answer has no length yet, and is for everybody. */
function isGrowing(key: string, { statusCode, headers }: IncomingMessage): boolean {
	return (
		statusCode === 200 &&
		headers['content-length'] === undefined &&
		headers['content-encoding'] === undefined &&
		!cachePolicy(key, headers, new Uint8Array()).isPrivate
	);
}
