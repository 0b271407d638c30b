// Spec: rfc8216bis-22 4.4.2.2 (EXT-X-START), 4.4.3.2, 4.4.3.3 (sequences), 6.2.1 (what may change between reloads)
import { PeerError } from '../../errors.js';
import { type MediaPlaylist, serializeMediaPlaylist } from './media-playlist.js';
import { formatUtc, type SegmentTime } from './moment.js';

/** On the clock of the playlist's segments; null = at its own beginning or end. */
export type CutRange = { fromMs: number | null; toMs: number | null };

/**
 * Returns the text of a part of `playlist`, which has segments, and they play at `times`. It begins with the segment at
 * `fromMs`, with an EXT-X-START at that very moment, and goes up to the one before `toMs`. As soon as `toMs` is reached
 * it is complete. The same range of later versions of the playlist follows the rules for reloads: its beginning moves
 * only when old segments leave `playlist` itself.
 *
 * Throws PeerError HTTP_REQUEST for a range that has nothing in it yet, or can never have.
 */
export function cutPlaylist(playlist: MediaPlaylist, times: readonly SegmentTime[], range: CutRange): string {
	const { fromMs, toMs } = range;
	const [oldest, newest] = [times[0]!, times.at(-1)!];
	if (fromMs !== null && toMs !== null && toMs <= fromMs) {
		throw new PeerError('HTTP_REQUEST', 'the end is not behind the start');
	}
	if ((fromMs ?? oldest.startMs) >= newest.endMs || (toMs ?? newest.endMs) <= oldest.startMs) {
		const there = `${formatUtc(oldest.startMs)} to ${formatUtc(newest.endMs)}`;
		throw new PeerError('HTTP_REQUEST', `there is nothing but ${there}`);
	}
	const first = fromMs === null ? 0 : times.findIndex(({ endMs }) => endMs > fromMs);
	const behind = toMs === null ? -1 : times.findIndex(({ startMs }) => startMs >= toMs);
	const { segments, mediaSequence, discontinuitySequence } = playlist;
	const left = segments.slice(0, first);
	const text = serializeMediaPlaylist({
		...playlist,
		mediaSequence: mediaSequence + first,
		discontinuitySequence: discontinuitySequence + left.filter(({ discontinuity }) => discontinuity).length,
		segments: segments.slice(first, behind < 0 ? undefined : behind),
		ended: playlist.ended || (toMs !== null && newest.endMs >= toMs),
	});
	return fromMs === null ? text : withStart(text, Math.max(0, fromMs - times[first]!.startMs));
}

function withStart(text: string, offsetMs: number): string {
	const lineEnd = text.indexOf('\n') + 1;
	const tag = `#EXT-X-START:TIME-OFFSET=${(offsetMs / 1000).toFixed(3)},PRECISE=YES\n`;
	return text.slice(0, lineEnd) + tag + text.slice(lineEnd);
}
