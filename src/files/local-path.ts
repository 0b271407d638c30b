/** A segment that is empty or begins with a dot, a backslash, or a control character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: names with control characters are what it is to find.
const UNWANTED = /\/\/|\/\.|\\|[\0-\x1f\x7f]/;
const MAX_LENGTH = 1024;

/**
 * The path below a root that a request's path (percent-encoded, without query) names, beginning with `/`. Null when it names nothing
 * that is ever served: hidden files, `..`, double slashes, anything that cannot be decoded.
 */
export function localPathOf(target: string): string | null {
	const path = target.includes('%') ? decoded(target) : target;
	return path === null || !isPlain(path) ? null : path;
}

/** True when `path` has the form that localPathOf returns. */
export function isPlain(path: string): boolean {
	return path.startsWith('/') && path.length <= MAX_LENGTH && !UNWANTED.test(path);
}

function decoded(text: string): string | null {
	try {
		return decodeURIComponent(text);
	} catch {
		return null;
	}
}
