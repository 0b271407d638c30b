import { z } from 'zod';

const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZE_UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;

/** A duration: a number with ms, s, m, h or d (`10s`), or 0. Comes out in milliseconds. */
export const duration = quantity(DURATION_UNITS, 'a duration such as 500ms, 10s, 5m, 1h or 7d', unitMissing);

/** A size: bytes as a number, or a number with B, KiB, MiB, GiB or TiB (`64MiB`). Comes out in bytes. */
export const size = quantity(SIZE_UNITS, 'a size such as 4096, 512KiB, 64MiB or 1GiB', () => null);

/** Milliseconds as the configuration file writes them: `10s`. */
export function formatDuration(ms: number): string | number {
	return format(ms, DURATION_UNITS);
}

/** Bytes as the configuration file writes them: `64MiB`. */
export function formatSize(bytes: number): string | number {
	return format(bytes, SIZE_UNITS);
}

/** `faultOf` may refuse a number without a unit, with its reason. */
function quantity(units: Readonly<Record<string, number>>, expects: string, faultOf: (bare: number) => string | null) {
	const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)\\s*(${Object.keys(units).join('|')})?$`);
	return z
		.union([z.number(), z.string()])
		.transform((given, context) => {
			const match = pattern.exec(String(given));
			const value = match === null ? Number.NaN : Math.round(Number(match[1]) * (units[match[2] ?? ''] ?? 1));
			const isBare = match !== null && match[2] === undefined;
			const reason = isBare ? faultOf(Number(match[1])) : null;
			if (reason !== null || !Number.isSafeInteger(value)) {
				context.addIssue({ code: 'custom', message: reason ?? `expected ${expects}`, params: { reason } });
				return z.NEVER;
			}
			return value;
		})
		.meta({ expects, written: (value: number) => format(value, units) });
}

/** Ten what? People mean seconds, the product counts milliseconds, and a wrong guess is a fault that nobody sees. */
function unitMissing(bare: number): string | null {
	return bare === 0 ? null : `${bare}: write ${bare}s or ${bare}ms`;
}

/** The value in the largest unit that divides it; a plain number where it needs none. */
function format(value: number, units: Readonly<Record<string, number>>): string | number {
	const fitting = Object.entries(units).filter(([, factor]) => value % factor === 0);
	const [name, factor] = fitting.at(-1) ?? ['', 1];
	return value === 0 || name === 'B' ? value : `${value / factor}${name}`;
}
