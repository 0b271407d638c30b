// Spec: rfc8216bis-22 4.4.6.2 (EXT-X-STREAM-INF), 6.3.4 (reloading)

import { setTimeout as sleep } from 'node:timers/promises';
import { peerErrorOf } from '../errors.js';
import { parseAttributes } from '../protocol/m3u8/attributes.js';
import { PlaylistChecker } from '../protocol/m3u8/playlist-rules.js';
import type { Finding } from './diagnosis.js';

/** The findings about one playlist. */
export type PlaylistReport = { name: string; lines: string[]; findings: Finding[] };

/** Reads the text of a playlist, by its absolute address or path. */
export type ReadText = (location: string) => Promise<string>;

const STREAM_INF = '#EXT-X-STREAM-INF:';
const MAX_VARIANTS = 20;

/** Checks a playlist, and those that it lists. Live ones are read again for `watchMs`. */
export async function examinePlaylist(
	location: string,
	resolve: (base: string, uri: string) => string,
	read: ReadText,
	watchMs: number,
): Promise<PlaylistReport[]> {
	const text = await read(location);
	if (!text.includes(STREAM_INF)) {
		return [await examineMediaPlaylist(location, text, read, watchMs)];
	}
	const { report, uris } = examineMultivariant(location, text);
	const variants = uris.slice(0, MAX_VARIANTS).map(async (uri) => {
		const variant = resolve(location, uri);
		return examineMediaPlaylist(variant, await read(variant), read, watchMs);
	});
	return [report, ...(await Promise.all(variants))];
}

function examineMultivariant(name: string, text: string): { report: PlaylistReport; uris: string[] } {
	const findings: Finding[] = [];
	const uris: string[] = [];
	const lines = text.split(/\r?\n/);
	if (lines[0] !== '#EXTM3U') {
		findings.push({ severity: 'fault', text: 'The first line is not #EXTM3U.' });
	}
	for (const [index, line] of lines.entries()) {
		if (!line.startsWith(STREAM_INF)) {
			continue;
		}
		const uri = lines[index + 1] ?? '';
		if (uri === '' || uri.startsWith('#')) {
			findings.push({ severity: 'fault', text: `Line ${index + 1}: EXT-X-STREAM-INF is not followed by a URI.` });
			continue;
		}
		uris.push(uri);
		findings.push(...variantFindings(uri, line.slice(STREAM_INF.length)));
	}
	return { report: { name, lines: [`multivariant playlist, ${uris.length} variants`], findings }, uris };
}

function variantFindings(uri: string, text: string): Finding[] {
	try {
		const attributes = parseAttributes(text);
		return [
			...(attributes.has('BANDWIDTH')
				? []
				: [{ severity: 'fault' as const, text: `${uri} has no BANDWIDTH: players cannot choose.` }]),
			...(attributes.has('CODECS')
				? []
				: [{ severity: 'advice' as const, text: `${uri} has no CODECS: players have to load it to know.` }]),
		];
	} catch (error) {
		return [{ severity: 'fault', text: `${uri}: ${peerErrorOf(error).message}.` }];
	}
}

async function examineMediaPlaylist(
	name: string,
	text: string,
	read: ReadText,
	watchMs: number,
): Promise<PlaylistReport> {
	const checker = new PlaylistChecker();
	const untilMs = performance.now() + watchMs;
	const findings: Finding[] = [];
	const lines: string[] = [];
	try {
		let playlist = checker.see(text);
		const kind = playlist.ended ? 'complete' : 'live';
		const seconds = playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
		lines.push(
			`${kind} media playlist, version ${playlist.version}`,
			`${playlist.segments.length} segments from ${playlist.mediaSequence}, ${seconds.toFixed(1)} s, target ${playlist.targetDuration} s`,
			...(playlist.partTarget === null ? [] : [`low latency: parts of ${playlist.partTarget} s`]),
		);
		let newestAtMs = performance.now();
		let lastUri = playlist.segments.at(-1)?.uri;
		while (!playlist.ended && performance.now() < untilMs) {
			await sleep(Math.min((playlist.targetDuration * 1000) / 2, Math.max(0, untilMs - performance.now())));
			playlist = checker.see(await read(name));
			if (playlist.segments.at(-1)?.uri !== lastUri) {
				lastUri = playlist.segments.at(-1)?.uri;
				newestAtMs = performance.now();
			}
		}
		const staleMs = performance.now() - newestAtMs;
		if (!playlist.ended && staleMs > playlist.targetDuration * 2000) {
			const text = `No new segment for ${(staleMs / 1000).toFixed(0)} s: the stream has stopped, or the playlist lags.`;
			findings.push({ severity: 'fault', text });
		}
		if (checker.reloads > 1) {
			lines.push(`read ${checker.reloads} times`);
		}
	} catch (error) {
		findings.push({ severity: 'fault', text: `${peerErrorOf(error).message}.` });
	}
	findings.push(...[...new Set(checker.violations)].map((text) => ({ severity: 'fault' as const, text: `${text}.` })));
	return { name, lines, findings };
}
