import type { PlayPolicy } from '../config/schema.js';
import type { Reason } from '../errors.js';
import type { Logger } from '../log/logger.js';
import { type StreamName, streamLabels } from '../stream-name.js';
import type { StreamDirectory } from './directory.js';
import type {
	CoordinatorToThread,
	RelayPlace,
	RelayWish,
	StreamInfo,
	ThreadData,
	ThreadToCoordinator,
} from './thread-messages.js';

/** The stream that a viewer or a relay asks for. */
export type WantedStream = { name: StreamName } & RelayWish;

/** The stream, or why there is none. `message` is more than the sentence of the code, or absent. */
export type Found = { stream: StreamInfo } | { stream: null; code: Reason['code']; message?: string };

export type StreamFinderParts = {
	directory: StreamDirectory;
	relay: RelayPlace;
	log: Logger;
	send: (message: ThreadToCoordinator) => void;
};

type WaitPolicy = Pick<PlayPolicy, 'missing' | 'waitTimeout'>;
type Waiter = { waitsAnyway: boolean; refuse: (reason: Reason) => void };

const NOT_FOUND: Found & { stream: null } = { stream: null, code: 'STREAM_NOT_FOUND' };

/** Finds the stream that a viewer asks for: in this process, later in this process, or through the coordinator at an upstream. */
export class StreamFinder {
	readonly #directory: StreamDirectory;
	readonly #relay: RelayPlace;
	readonly #log: Logger;
	readonly #send: (message: ThreadToCoordinator) => void;
	readonly #waiters = new Map<string, Set<Waiter>>();

	constructor({ directory, relay, log, send }: StreamFinderParts) {
		this.#log = log;
		this.#directory = directory;
		this.#relay = relay;
		this.#send = send;
	}

	/** The answer, if there is one that needs no waiting. */
	findNow(wanted: WantedStream, play: WaitPolicy): Found | null {
		const { name, via, resumeMs } = wanted;
		const { processId, onDemand } = this.#relay;
		if (via.includes(processId)) {
			return { stream: null, code: 'RELAY_LOOP' };
		}
		const stream = this.#directory.get(name);
		if (onDemand && (stream === undefined || via.length > 0)) {
			this.#send({ type: 'stream-wanted', name, via, resumeMs });
		}
		if (stream !== undefined) {
			return { stream };
		}
		return onDemand || waitsAnyway(wanted, play) ? null : NOT_FOUND;
	}

	/**
	 * Waits for a stream that `findNow` did not find, as long as `play` allows. A gateway always waits for the answer of its
	 * upstream; with `missing: wait` also beyond the answer "not there". Aborting answers at once.
	 */
	async wait(wanted: WantedStream, play: WaitPolicy, signal: AbortSignal): Promise<Found> {
		const { name } = wanted;
		this.#log.debug({ ...streamLabels(name) }, 'a player waits for its stream');
		const giveUp = new AbortController();
		const onAbort = (): void => giveUp.abort();
		signal.addEventListener('abort', onAbort);
		let refusal: Reason | null = null;
		const waiter: Waiter = {
			waitsAnyway: waitsAnyway(wanted, play),
			refuse: (reason) => {
				refusal = reason;
				giveUp.abort();
			},
		};
		const key = name.key;
		const waiters = this.#waiters.get(key) ?? new Set();
		this.#waiters.set(key, waiters.add(waiter));
		const stream = await this.#directory.waitFor(name, play.waitTimeout, giveUp.signal);
		signal.removeEventListener('abort', onAbort);
		waiters.delete(waiter);
		if (waiters.size === 0) {
			this.#waiters.delete(key);
		}
		return stream === null ? { ...(refusal ?? NOT_FOUND), stream } : { stream };
	}

	/** Applies a coordinator's message; messages about other things are left alone. */
	apply(message: CoordinatorToThread): void {
		if (message.type === 'stream-missing') {
			const { code, message: text } = message;
			for (const waiter of [...(this.#waiters.get(message.name.key) ?? [])]) {
				if (!waiter.waitsAnyway || (code !== 'STREAM_NOT_FOUND' && code !== 'UPSTREAM_FAILED')) {
					waiter.refuse({ code, message: text });
				}
			}
		}
	}
}

/** A relay that wants to go on with a stream has viewers who want to know whether it is over. */
function waitsAnyway({ resumeMs }: WantedStream, { missing }: WaitPolicy): boolean {
	return missing === 'wait' && resumeMs === undefined;
}

/** For HubSet: a gateway's coordinator hears which streams have viewers in this thread, for nobody else asks it to. */
export function audienceReporter(
	{ relay }: Pick<ThreadData, 'relay'>,
	send: (message: ThreadToCoordinator) => void,
): (stream: StreamInfo, present: boolean) => void {
	return ({ streamId }, present) => {
		if (relay.onDemand) {
			send({ type: 'audience', streamId, present });
		}
	};
}
