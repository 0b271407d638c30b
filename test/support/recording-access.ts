import { Access, type ApiVerdict, type Verdict } from '#src/access/access.js';
import type { AccessRequest } from '#src/access/request.js';
import { reasonOf } from '#src/errors.js';
import type { Logger } from '#src/log/logger.js';

/** Rules that write down what they are asked. They allow as the default does, unless `verdict` says otherwise. */
export class RecordingAccess extends Access {
	readonly requests: AccessRequest[] = [];
	verdict: ((request: AccessRequest) => Verdict | Promise<Verdict>) | null = null;

	constructor(log: Logger) {
		super('test', log);
	}

	override judge(request: AccessRequest): Verdict | Promise<Verdict> {
		this.requests.push(request);
		return this.verdict?.(request) ?? super.judge(request);
	}

	override judgeApi(request: AccessRequest): ApiVerdict | Promise<ApiVerdict> {
		this.requests.push(request);
		return super.judgeApi(request);
	}
}

export const REFUSED: Verdict = { allowed: false, ...reasonOf('PUBLISH_REFUSED', 'as the test wants it') };
