/** An upstream that has failed is asked after the others for this long. */
const DISTRUST_MS = 10_000;

/**
 * The upstreams of a gateway in the order in which they are asked: as configured, those that failed lately last. A stream stays where
 * it is as long as that works; an upstream that has recovered gets the streams that look for one next, not those that have one.
 */
export class Upstreams {
	#addresses: readonly string[];
	readonly #distrustedUntilMs = new Map<string, number>();
	readonly #now: () => number;

	constructor(addresses: readonly string[], now: () => number = () => performance.now()) {
		this.#addresses = addresses;
		this.#now = now;
	}

	/** Another list, for the next who asks. */
	configure(addresses: readonly string[]): void {
		this.#addresses = addresses;
	}

	order(): string[] {
		return [
			...this.#addresses.filter((address) => this.#isTrusted(address)),
			...this.#addresses.filter((address) => !this.#isTrusted(address)),
		];
	}

	/** There is one that has not failed lately. */
	get anyTrusted(): boolean {
		return this.#addresses.some((address) => this.#isTrusted(address));
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
