/** Names beside each other under `/hls/{app}/{name}/` of what is served from memory. A URI never means anything else later. */
export const LIVE_PLAYLIST = 'live.m3u8';

export function initUri(msn: number): string {
	return `live_init_${msn}.mp4`;
}

export function segmentUri(msn: number): string {
	return `live_${msn}.m4s`;
}

export function partUri(msn: number, part: number): string {
	return `live_${msn}_${part}.m4s`;
}

/** What a name refers to. */
export type LiveResource =
	| { kind: 'playlist' }
	| { kind: 'init'; msn: number }
	| { kind: 'segment'; msn: number }
	| { kind: 'part'; msn: number; part: number };

const MEDIA_NAME = /^live_(\d{1,10})(?:_(\d{1,6}))?\.m4s$/;
const INIT_NAME = /^live_init_(\d{1,10})\.mp4$/;

/** Null of a name that is none of ours. */
export function parseLiveName(name: string): LiveResource | null {
	if (name === LIVE_PLAYLIST) {
		return { kind: 'playlist' };
	}
	const init = INIT_NAME.exec(name);
	if (init !== null) {
		return { kind: 'init', msn: Number(init[1]) };
	}
	const [, msn, part] = MEDIA_NAME.exec(name) ?? [];
	if (msn === undefined) {
		return null;
	}
	return part === undefined
		? { kind: 'segment', msn: Number(msn) }
		: { kind: 'part', msn: Number(msn), part: Number(part) };
}
