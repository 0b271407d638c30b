import type { MetricsJson } from '../metrics/process-metrics.js';
import type { ProcessSnapshot } from '../metrics/snapshot.js';
import type { StreamName } from '../stream-name.js';

type ProcessQuery = { kind: 'metrics' } | { kind: 'snapshot' } | { kind: 'evict'; name: StreamName };
type Answer = MetricsJson | ProcessSnapshot | boolean;

/** Primary to role process. Plain data: goes by IPC as JSON. */
export type QueryMessage = { type: 'query'; queryId: number; query: ProcessQuery };
/** Role process to primary. */
export type AnswerMessage = { type: 'answer'; queryId: number } & ({ answer: Answer } | { error: string });

/** A scraper waits 10 s by default; what is not there by then is nowhere. */
const QUERY_DEADLINE_MS = 3000;

type Pending = { resolve: (answer: Answer) => void; reject: (error: Error) => void };

/**
 * The primary's end of the questions to one role process. Whoever owns the IPC channel sends and delivers the messages. A question
 * rejects when the process does not answer within the deadline, is gone, or failed to find the answer.
 */
export class ProcessPort {
	readonly role: string;
	readonly #send: (message: QueryMessage) => void;
	readonly #deadlineMs: number;
	readonly #pending = new Map<number, Pending>();
	#nextId = 1;

	constructor(role: string, send: (message: QueryMessage) => void, deadlineMs = QUERY_DEADLINE_MS) {
		this.role = role;
		this.#send = send;
		this.#deadlineMs = deadlineMs;
	}

	metrics(): Promise<MetricsJson> {
		return this.#ask<MetricsJson>({ kind: 'metrics' });
	}

	snapshot(): Promise<ProcessSnapshot> {
		return this.#ask<ProcessSnapshot>({ kind: 'snapshot' });
	}

	/** Ends the publication of one stream. @returns whether there was one. */
	evict(name: StreamName): Promise<boolean> {
		return this.#ask<boolean>({ kind: 'evict', name });
	}

	/** Takes an answer that came over the channel; one that comes too late is ignored. */
	deliver(message: AnswerMessage): void {
		const pending = this.#pending.get(message.queryId);
		if ('error' in message) {
			pending?.reject(new Error(message.error));
		} else {
			pending?.resolve(message.answer);
		}
	}

	/** The process is gone: nobody waits for it any longer. */
	close(): void {
		for (const { reject } of this.#pending.values()) {
			reject(new Error('the process is gone'));
		}
	}

	async #ask<T extends Answer>(query: ProcessQuery): Promise<T> {
		const queryId = this.#nextId++;
		let timer: NodeJS.Timeout | undefined;
		try {
			const answer = await new Promise<Answer>((resolve, reject) => {
				this.#pending.set(queryId, { resolve, reject });
				timer = setTimeout(() => reject(new Error(`no answer within ${this.#deadlineMs} ms`)), this.#deadlineMs);
				this.#send({ type: 'query', queryId, query });
			});
			return answer as T;
		} finally {
			clearTimeout(timer);
			this.#pending.delete(queryId);
		}
	}
}

/** The side that answers in the role process: the coordinator, and its registry of runtime metrics. */
export type QuerySource = {
	metrics(): Promise<MetricsJson>;
	snapshot(): ProcessSnapshot;
	evict(name: StreamName): boolean;
};

/** The role process's end. Never rejects: a failure travels as the answer's `error`. */
export async function answerQuery(message: QueryMessage, source: QuerySource): Promise<AnswerMessage> {
	const { queryId, query } = message;
	try {
		return { type: 'answer', queryId, answer: await answerTo(query, source) };
	} catch (error) {
		return { type: 'answer', queryId, error: error instanceof Error ? error.message : String(error) };
	}
}

function answerTo(query: ProcessQuery, source: QuerySource): Answer | Promise<MetricsJson> {
	switch (query.kind) {
		case 'metrics':
			return source.metrics();
		case 'snapshot':
			return source.snapshot();
		case 'evict':
			return source.evict(query.name);
	}
}
