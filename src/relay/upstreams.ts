import type { ServerAddress } from '../protocol/credentials.js';

/** An upstream that has failed is asked after the others for this long. */
const DISTRUST_MS = 10_000;

/**
 * The upstreams of a gateway in the order in which they are asked: as configured, those that failed lately last. A stream stays where
 * it is as long as that works; an upstream that has recovered gets the streams that look for one next, not those that have one.
 */
export class Upstreams {
	#upstreams: readonly ServerAddress[];
	readonly #distrustedUntilMs = new Map<string, number>();
	readonly #now: () => number;

	constructor(upstreams: readonly ServerAddress[], now: () => number = () => performance.now()) {
		this.#upstreams = upstreams;
		this.#now = now;
	}

	/** Another list, for the next who asks. */
	configure(upstreams: readonly ServerAddress[]): void {
		this.#upstreams = upstreams;
	}

	order(): ServerAddress[] {
		return [
			...this.#upstreams.filter(({ address }) => this.#isTrusted(address)),
			...this.#upstreams.filter(({ address }) => !this.#isTrusted(address)),
		];
	}

	/** There is one that has not failed lately. */
	get anyTrusted(): boolean {
		return this.#upstreams.some(({ address }) => this.#isTrusted(address));
	}

	failed(address: string): void {
		this.#distrustedUntilMs.set(address, this.#now() + DISTRUST_MS);
	}

	worked(address: string): void {
		this.#distrustedUntilMs.delete(address);
	}

	#isTrusted(address: string): boolean {
		return (this.#distrustedUntilMs.get(address) ?? Number.NEGATIVE_INFINITY) <= this.#now();
	}
}
