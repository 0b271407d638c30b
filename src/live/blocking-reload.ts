// Spec: rfc8216bis-22 6.2.5.1 (delta updates), 6.2.5.2 (blocking playlist reload)

/** The wishes that a request for a playlist adds to it. */
export type ReloadDirectives = {
	/** `_HLS_msn`: answer when the playlist has this segment, or `part` of it. */
	msn: number | null;
	part: number | null;
	/** `_HLS_skip`: old segments may be left out. */
	skip: boolean;
};

/** The newest point of a live playlist. */
export type LiveEdge = {
	/** Newest complete segment. */
	lastMsn: number;
	/** Parts of the segment behind it that are there. */
	openParts: number;
	/** Returns the number of parts of complete segment `msn`; null when it is too old to tell. */
	partsOf(msn: number): number | null;
	/** Seconds. */
	partTarget: number;
};

const MAX_SEGMENTS_AHEAD = 2;
const ADVANCE_SECONDS = 3;

/** Null of directives that make no sense: 400. `query` is without `?`. */
export function parseDirectives(query: string): ReloadDirectives | null {
	const params = new URLSearchParams(query);
	const msn = integer(params.get('_HLS_msn'));
	const part = integer(params.get('_HLS_part'));
	if (Number.isNaN(msn) || Number.isNaN(part) || (part !== null && msn === null)) {
		return null;
	}
	const skip = params.get('_HLS_skip');
	return { msn, part, skip: skip === 'YES' || skip === 'v2' };
}

/**
 * `refuse`: the request is for more than the playlist will have soon, 400. An ended playlist answers every request at
 * once.
 */
export function decideReload({ msn, part }: ReloadDirectives, edge: LiveEdge): 'answer' | 'wait' | 'refuse' {
	if (msn === null) {
		return 'answer';
	}
	const { lastMsn, openParts, partTarget } = edge;
	if (msn > lastMsn + MAX_SEGMENTS_AHEAD) {
		return 'refuse';
	}
	const ahead = Math.ceil(partTarget < 1 ? ADVANCE_SECONDS / partTarget : ADVANCE_SECONDS);
	// The open segment counts the parts that are there. The one behind it has none.
	const known = msn === lastMsn + 1 ? openParts : 0;
	if (msn > lastMsn && part !== null && part > known - 1 + ahead) {
		return 'refuse';
	}
	return hasPart(msn, part, edge) ? 'answer' : 'wait';
}

function hasPart(msn: number, part: number | null, { lastMsn, openParts, partsOf }: LiveEdge): boolean {
	if (msn <= lastMsn) {
		const parts = part === null ? null : partsOf(msn);
		// A part behind the last one of a segment is the first one of the next.
		return parts === null || part! < parts || msn < lastMsn || openParts > 0;
	}
	return msn === lastMsn + 1 && part !== null && part < openParts;
}

/** Null when absent, NaN when it is no decimal-integer. */
function integer(text: string | null): number | null {
	return text === null ? null : /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
}
