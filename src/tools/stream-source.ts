import { MAX_TAG_BODY_BYTES } from '../container/flv/tag.js';
import { openSource } from '../relay/open-source.js';
import type { Source, SourceEvents } from '../relay/source.js';

const TIMEOUT_MS = 10_000;

/** Begins to play `url` as a player, not as a relay. */
export function playStream(url: URL, events: SourceEvents): Source {
	return openSource(
		{ url, via: [], resumeMs: null, maxMessageBytes: MAX_TAG_BODY_BYTES, timeoutMs: TIMEOUT_MS },
		events,
	);
}
