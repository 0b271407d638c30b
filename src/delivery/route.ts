import { parseStreamPath } from '../http/paths.js';

/** A request's target taken apart. `query` is without `?`. */
export type Route =
	/** `/{app}/{name}` (push) or `/{app}/{name}.flv` (push or play). The names are as they came, unchecked. */
	| { kind: 'stream'; asked: { app: string; name: string }; flv: boolean; query: string }
	/** Anything else: `path` is as it came, percent-encoded. */
	| { kind: 'file'; path: string; query: string };

const ABSOLUTE_FORM = /^https?:\/\/[^/?]*/i;

/** A path of two segments is a stream's when the method publishes or the path ends in `.flv`. */
export function parseRoute(target: string, publishes: boolean): Route {
	const local = target.replace(ABSOLUTE_FORM, '');
	const mark = local.indexOf('?');
	const path = mark < 0 ? local : local.slice(0, mark);
	const query = mark < 0 ? '' : local.slice(mark + 1);
	const stream = parseStreamPath(path);
	if (stream === null || !(publishes || stream.flv)) {
		return { kind: 'file', path: path === '' ? '/' : path, query };
	}
	const { app, name, flv } = stream;
	return { kind: 'stream', asked: { app, name }, flv, query };
}
