import { PeerError } from './errors.js';

/** The characters of a stream's app and name, as they stand in URLs, paths and labels. */
export const NAME_PATTERN = /^[A-Za-z0-9_-]{1,128}$/;
const MAX_QUOTED_CHARACTERS = 64;

/**
 * The name of a stream in this server. Made here only, so both parts are known to be safe in a URL and in a path. Plain data: it
 * travels between threads and processes. Compare `key`, never the objects.
 */
export type StreamName = {
	readonly app: string;
	readonly name: string;
	/** `app/name`, the name in maps and messages to people. */
	readonly key: string;
};

/** Makes a StreamName of what a peer, a file name or an operator says. @throws PeerError NAME_INVALID */
export function streamName(app: string, name: string): StreamName {
	return { app: namePart(app), name: namePart(name), key: `${app}/${name}` };
}

/** As `streamName`, of `app/name`. @throws PeerError NAME_INVALID */
export function parseStreamName(text: string): StreamName {
	const [app = '', name = '', ...rest] = text.split('/');
	return streamName(app, rest.length === 0 ? name : text);
}

/** Checks one part of a name, where the other is not known yet. @throws PeerError NAME_INVALID */
export function namePart(text: string): string {
	if (!NAME_PATTERN.test(text)) {
		throw new PeerError('NAME_INVALID', JSON.stringify(text.slice(0, MAX_QUOTED_CHARACTERS)));
	}
	return text;
}

/** True when both parts may be those of a stream. It is for names found on a disk, which may be anything. */
export function isStreamName(app: string, name: string): boolean {
	return NAME_PATTERN.test(app) && NAME_PATTERN.test(name);
}

/** A name as logs and metrics have it. */
export function streamLabels({ app, name }: StreamName): { app: string; stream: string } {
	return { app, stream: name };
}
