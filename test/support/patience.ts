/**
 * A busy machine makes everything slower, and no test may fail for that. Every deadline of a test goes through `patient`, which is the one
 * place where deadlines are stretched. The runner measures the factor and hands it to each test file in the environment. Set TEST_PATIENCE
 * to choose the factor yourself.
 */
const VARIABLE = 'TEST_PATIENCE';
/** Load comes and goes: what is measured now may be half of what a test meets a minute later. */
const HEADROOM = 2;
/** No machine is taken for slower than this: a test that fails must not take hours to say so. */
const MOST_SLOWNESS = 8;
/** As many measurements are averaged: one alone may fall into a moment of somebody else's. */
const REMEMBERED = 3;
/** So many steps of arithmetic take `QUIET_MS` on an idle core of the machine for which the deadlines were written. */
const STEPS = 80_000_000;
const QUIET_MS = 100;

/** Turns a deadline for a quiet machine, in ms, into one for this machine. */
export function patient(ms: number): number {
	return ms * Number(process.env[VARIABLE] ?? HEADROOM);
}

/**
 * Turns a time that something takes on a quiet machine, in whole ms, into what it takes on this one. For times that a test waits for, such
 * as a server's own timeouts, and so without headroom.
 */
export function slowed(ms: number): number {
	return Math.ceil(patient(ms) / HEADROOM);
}

/** Measures the machine now and every `everyMs`, for the test files that start from then on. A factor from the environment stays. */
export function watchPatience(everyMs: number): void {
	if (process.env[VARIABLE] === undefined) {
		const seen: number[] = [];
		const measure = (): void => {
			seen.push(Math.min(MOST_SLOWNESS, Math.max(1, slowness())));
			const last = seen.slice(-REMEMBERED);
			process.env[VARIABLE] = ((HEADROOM * last.reduce((sum, each) => sum + each, 0)) / last.length).toFixed(1);
		};
		measure();
		setInterval(measure, everyMs).unref();
	}
}

/** Divides the time that a piece of work takes by the time that it takes on a quiet machine. */
function slowness(): number {
	const startedAtMs = performance.now();
	let state = 1;
	for (let step = 0; step < STEPS; step++) {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
	}
	// The result must be used, or the work would be optimised away.
	return (performance.now() - startedAtMs + (state === 0 ? 1 : 0)) / QUIET_MS;
}
