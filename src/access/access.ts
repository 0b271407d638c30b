import { peerErrorOf, type Reason } from '../errors.js';
import type { Logger } from '../log/logger.js';
import { type StreamName, streamName } from '../stream-name.js';
import type { AccessRequest } from './request.js';
import { UnaskedCredentials } from './unasked-credentials.js';

/** May it? `name` is the public name of the stream, which need not be the one that was asked for. */
export type Verdict = { readonly allowed: true; readonly name: StreamName } | ({ readonly allowed: false } & Reason);

/** The verdict on something that names no stream. */
export type ApiVerdict = { readonly allowed: true } | ({ readonly allowed: false } & Reason);

/**
 * The one place that every request is put to before its peer is told anything: one for each thread. The verdict is there at once
 * unless a rule has to ask somebody; without rules it costs a name.
 */
export class Access {
	readonly #place: string;
	readonly #unasked: UnaskedCredentials;
	#number = 0;

	/** @param place the process and thread, unique among all; it begins every session id. */
	constructor(place: string, log: Logger) {
		this.#place = place;
		this.#unasked = new UnaskedCredentials(log);
	}

	/** The identity of a session that begins now. */
	identify(): Pick<AccessRequest, 'sessionId' | 'number'> {
		const number = ++this.#number;
		return { sessionId: `${this.#place}-${number}`, number };
	}

	judge(request: AccessRequest): Verdict | Promise<Verdict> {
		const { app, name } = request.asked;
		try {
			const verdict: Verdict = { allowed: true, name: streamName(app, name) };
			this.#unasked.note(request);
			return verdict;
		} catch (error) {
			const { code, message } = peerErrorOf(error);
			return { allowed: false, code, message };
		}
	}

	judgeApi(_request: AccessRequest): ApiVerdict | Promise<ApiVerdict> {
		return ALLOWED;
	}
}

const ALLOWED: ApiVerdict = { allowed: true };

/** Goes on with a verdict: in this very turn when it is there already. */
export function whenJudged<V>(verdict: V | Promise<V>, proceed: (verdict: V) => void): void {
	if (verdict instanceof Promise) {
		void verdict.then(proceed);
	} else {
		proceed(verdict);
	}
}
