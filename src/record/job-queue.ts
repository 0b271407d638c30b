/**
 * Work on files that a packager's synchronous callbacks order, done one after the other when the recorder next waits for the
 * disk. After a failure nothing of what was left is done.
 */
export class JobQueue {
	#jobs: (() => Promise<void>)[] = [];

	add(job: () => Promise<void>): void {
		this.#jobs.push(job);
	}

	/** Does everything that has been added, also while it runs. Rejects with the first failure. */
	async flush(): Promise<void> {
		while (this.#jobs.length > 0) {
			const jobs = this.#jobs;
			this.#jobs = [];
			for (const job of jobs) {
				await job();
			}
		}
	}
}
