import type { Logger } from '../log/logger.js';
import type { AccessRequest } from './request.js';

/** Parameters of queries that carry a credential: ours, and those of the servers that people come from. */
const CREDENTIAL =
	/(?:^|[?&])(access_token|auth|auth_key|jwt|key|pass|passwd|password|psk|secret|sig|sign|signature|streamKey|token)=/gi;

/**
 * Says once of each parameter that looks like a credential that no rule asks for it. Whoever sends one believes that it protects
 * something. Its value is never told.
 */
export class UnaskedCredentials {
	readonly #log: Logger;
	readonly #told = new Set<string>();

	constructor(log: Logger) {
		this.#log = log;
	}

	/** A request that is allowed without a look at what it brings. */
	note({ query, action, protocol, asked }: AccessRequest): void {
		if (query === '') {
			return;
		}
		for (const [, name = ''] of query.matchAll(CREDENTIAL)) {
			const parameter = name.toLowerCase();
			if (!this.#told.has(parameter)) {
				this.#told.add(parameter);
				const facts = { parameter: name, action, protocol, app: asked.app, stream: asked.name };
				this.#log.warn(facts, `a peer sends ?${name}=, and no rule asks for it: everybody is allowed`);
			}
		}
	}
}
