/** `ENOSPC` and the like of a failed file operation; empty for anything else. */
export function errorCodeOf(error: unknown): string {
	return error instanceof Error && 'code' in error ? String(error.code) : '';
}
