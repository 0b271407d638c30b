/** Summary of a set of measurements; null when there were none. */
export type Spread = { p50: number; p99: number; max: number };

export function spreadOf(values: readonly number[]): Spread | null {
	if (values.length === 0) {
		return null;
	}
	const sorted = Float64Array.from(values).sort();
	return { p50: at(sorted, 0.5), p99: at(sorted, 0.99), max: at(sorted, 1) };
}

/** Value that a share of `share` of the sorted values do not exceed, rounded to three digits after the point. */
function at(sorted: Float64Array, share: number): number {
	return round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!);
}

export function round(value: number): number {
	return Math.round(value * 1000) / 1000;
}
