import type { RoleChild } from './role-child.js';

/** Shares of the deadline: the processes end their sessions, then what is left of them is killed, then we exit. */
const DRAIN_SHARE = 0.85;
const KILL_SHARE = 0.95;

/** Ends all processes within `deadlineMs`, politely where they manage. @returns how many had to be killed. */
export async function drainChildren(children: readonly RoleChild[], deadlineMs: number): Promise<number> {
	const alive = new Set(children);
	let killed = 0;
	const killTimer = setTimeout(() => {
		killed = alive.size;
		killChildren([...alive]);
	}, deadlineMs * KILL_SHARE);
	await Promise.all(
		children.map(async (child) => {
			child.drain(deadlineMs * DRAIN_SHARE);
			await child.gone;
			alive.delete(child);
		}),
	);
	clearTimeout(killTimer);
	return killed;
}

export function killChildren(children: readonly RoleChild[]): void {
	for (const child of children) {
		child.kill();
	}
}
