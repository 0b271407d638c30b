import { type StreamName, streamName } from '../stream-name.js';

/** The thing that a request's target names. `query` is without `?`. */
export type Route =
	/** `/{app}/{name}` (push) or `/{app}/{name}.flv` (push or play). */
	| { kind: 'stream'; name: StreamName; flv: boolean; query: string }
	/** Anything else: `path` is as it came, percent-encoded. */
	| { kind: 'file'; path: string; query: string };

const ABSOLUTE_FORM = /^https?:\/\/[^/?]*/i;
const TWO_SEGMENTS = /^\/([^/]+)\/([^/]+)$/;
const SUFFIX = '.flv';

/**
 * Takes a request target apart. A path of two segments is a stream's when the method publishes or the path ends in `.flv`.
 * Names are not decoded: none of the allowed characters needs an escape.
 * @throws PeerError NAME_INVALID
 */
export function parseRoute(target: string, publishes: boolean): Route {
	const local = target.replace(ABSOLUTE_FORM, '');
	const mark = local.indexOf('?');
	const path = mark < 0 ? local : local.slice(0, mark);
	const query = mark < 0 ? '' : local.slice(mark + 1);
	const match = TWO_SEGMENTS.exec(path);
	const flv = path.endsWith(SUFFIX);
	if (match === null || !(publishes || flv)) {
		return { kind: 'file', path: path === '' ? '/' : path, query };
	}
	const name = flv ? match[2]!.slice(0, -SUFFIX.length) : match[2]!;
	return { kind: 'stream', name: streamName(match[1]!, name), flv, query };
}
