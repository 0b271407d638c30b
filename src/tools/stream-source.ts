import { MAX_TAG_BODY_BYTES } from '../container/flv/tag.js';
import { splitCredentials } from '../protocol/credentials.js';
import { openSource } from '../relay/open-source.js';
import type { Source, SourceEvents } from '../relay/source.js';

const TIMEOUT_MS = 10_000;

/** Begins to play `url` as a player, not as a relay. */
export function playStream(url: URL, events: SourceEvents): Source {
	const { address, credentials } = splitCredentials(url.href);
	const target = { url: new URL(address), credentials, via: [], resumeMs: null };
	return openSource({ ...target, maxMessageBytes: MAX_TAG_BODY_BYTES, timeoutMs: TIMEOUT_MS }, events);
}
