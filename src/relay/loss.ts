/** The end of a connection: told once, kept for who asks later. */
export class Loss {
	error: Error | null = null;
	readonly promise: Promise<Error>;
	#resolve: (error: Error) => void = () => undefined;

	constructor() {
		this.promise = new Promise((resolve) => {
			this.#resolve = resolve;
		});
	}

	set(error: Error): void {
		if (this.error === null) {
			this.error = error;
			this.#resolve(error);
		}
	}
}
