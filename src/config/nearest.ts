/** Names further away than this share of the given name's length are not suggested. */
const MAX_DISTANCE_RATIO = 0.5;

/** The name that `given` was most likely meant to be, or null. */
export function nearest(given: string, names: readonly string[]): string | null {
	let best: string | null = null;
	let bestDistance = given.length * MAX_DISTANCE_RATIO + 1;
	for (const name of names) {
		const distance = editDistance(given.toLowerCase(), name.toLowerCase());
		if (distance < bestDistance) {
			best = name;
			bestDistance = distance;
		}
	}
	return best;
}

/** Levenshtein distance: insertions, deletions and replacements that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
	let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
	for (let row = 1; row <= a.length; row += 1) {
		const current = [row];
		for (let column = 1; column <= b.length; column += 1) {
			const replaced = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
			current.push(Math.min(previous[column]! + 1, current[column - 1]! + 1, replaced));
		}
		previous = current;
	}
	return previous[b.length]!;
}
