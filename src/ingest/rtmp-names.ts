/** A name as encoders send it, apart from its query. */
export type QueriedName = { name: string; query: string };

/**
 * Takes `live/?key=1` or `name?key=1` apart and drops slashes around the name. Encoders put the query behind either. The name is as
 * it was sent: the verdict on the request says which stream it means.
 */
export function splitName(text: string): QueriedName {
	const mark = text.indexOf('?');
	const path = mark < 0 ? text : text.slice(0, mark);
	const name = path.replace(/^\/+|\/+$/g, '');
	return { name, query: mark < 0 ? '' : text.slice(mark + 1) };
}

/** The queries of the app and of the stream name as one. */
export function joinQueries(appQuery: string, nameQuery: string): string {
	return [appQuery, nameQuery].filter((query) => query !== '').join('&');
}
