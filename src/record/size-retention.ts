/** A take on disk that nobody needs to keep. */
export type KeptTake = { path: string; sizeBytes: number; changedMs: number };

/**
 * Returns the takes that have to go, oldest first, for the rest to be no larger than `maxBytes`. Takes that `isOpen`
 * stay at any size.
 */
export function takesOverSize(
	takes: readonly KeptTake[],
	maxBytes: number,
	isOpen: (take: string) => boolean,
): KeptTake[] {
	let total = takes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
	const removed: KeptTake[] = [];
	for (const take of takes.toSorted((a, b) => a.changedMs - b.changedMs)) {
		if (total <= maxBytes) {
			break;
		}
		if (!isOpen(take.path)) {
			total -= take.sizeBytes;
			removed.push(take);
		}
	}
	return removed;
}
