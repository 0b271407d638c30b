import { patient } from './patience.js';

type Condition = () => boolean | Promise<boolean>;

/** The first look comes at once, the next ones after pauses that double: most conditions come true soon. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 32;
const DEADLINE_MS = 30_000;

/**
 * Resolves as soon as `condition` holds, and throws when it never does; the error says `what` was awaited, or the source text of the
 * condition. `deadlineMs` is for a quiet machine.
 */
export async function until(what: string, condition: Condition, deadlineMs?: number): Promise<void>;
export async function until(condition: Condition): Promise<void>;
export async function until(first: string | Condition, second?: Condition, deadlineMs = DEADLINE_MS): Promise<void> {
	const condition = second ?? (first as Condition);
	const endMs = performance.now() + patient(deadlineMs);
	for (let pauseMs = FIRST_PAUSE_MS; !(await condition()); pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
		if (performance.now() > endMs) {
			throw new Error(`never came true: ${first}`);
		}
		await sleep(pauseMs);
	}
}

export function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
