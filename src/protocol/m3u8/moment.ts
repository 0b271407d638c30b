import { PeerError } from '../../errors.js';
import type { PlaylistSegment } from './media-playlist.js';

/** A place in a stream as users name it. */
export type Moment =
	/** Since the first segment that is listed begins; before the last one ends when negative, `-0` being that end. */
	| { seconds: number }
	/** On the clock of EXT-X-PROGRAM-DATE-TIME, milliseconds since 1970. */
	| { utcMs: number };

/** When a segment plays, on the clock of EXT-X-PROGRAM-DATE-TIME; of a playlist without one, the first begins at 0. */
export type SegmentTime = { startMs: number; endMs: number };

const SECONDS = /^-?\d{1,9}(\.\d{1,6})?$/;
/** A plus in a query comes as a space. */
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+ -]\d\d:\d\d)$/;

/** @param name what the value is of, for the message. Throws PeerError HTTP_REQUEST. */
export function parseMoment(name: string, text: string): Moment {
	if (SECONDS.test(text)) {
		return { seconds: Number(text) };
	}
	const utcMs = DATE.test(text) ? Date.parse(text.replace(' ', '+')) : Number.NaN;
	if (Number.isNaN(utcMs)) {
		const allowed = 'seconds since the beginning, seconds before the end (-600), or a time (2026-01-31T18:00:00Z)';
		throw new PeerError('HTTP_REQUEST', `${name} is ${allowed}`);
	}
	return { utcMs };
}

/** As `parseMoment` reads it. */
export function formatUtc(ms: number): string {
	return new Date(ms).toISOString();
}

export function segmentTimes(segments: readonly PlaylistSegment[]): SegmentTime[] {
	let endMs = originOf(segments);
	return segments.map(({ duration, programDateTimeMs }) => {
		const startMs = programDateTimeMs ?? endMs;
		endMs = startMs + duration * 1000;
		return { startMs, endMs };
	});
}

/** Returns `moment` on the clock of `times`, which must not be empty. It may lie before or behind them. */
export function resolveMoment(moment: Moment, times: readonly SegmentTime[]): number {
	if ('utcMs' in moment) {
		return moment.utcMs;
	}
	const { seconds } = moment;
	const isFromEnd = seconds < 0 || Object.is(seconds, -0);
	return (isFromEnd ? times.at(-1)!.endMs : times[0]!.startMs) + seconds * 1000;
}

/** Returns the start of the first segment: the first date, less the time in front of it. */
function originOf(segments: readonly PlaylistSegment[]): number {
	let beforeMs = 0;
	for (const { duration, programDateTimeMs } of segments) {
		if (programDateTimeMs !== null) {
			return programDateTimeMs - beforeMs;
		}
		beforeMs += duration * 1000;
	}
	return 0;
}
