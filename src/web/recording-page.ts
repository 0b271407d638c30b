import { FilePlayer } from './file-player.js';
import { HlsPlayer } from './hls-player.js';
import { addCopyLine, byId, recentStreams, rememberStream } from './page.js';
import type { Player } from './player.js';
import { PlayerView } from './player-view.js';
import { describeServer, pageBase, type ServerDescription } from './server.js';
import { appOf, parseStream, type RecordingKind, recordingUrl } from './stream-address.js';

// One page under three names, those that rtmp_server has: mp4.html, video.html and play_merge.html.

type Format = { kind: RecordingKind; page: string; output: 'flv' | 'fmp4'; missing: string };

const FORMATS: readonly Format[] = [
	{
		kind: 'mp4',
		page: 'mp4.html',
		output: 'fmp4',
		missing: 'There is no finished MP4 of this stream.',
	},
	{ kind: 'flv', page: 'video.html', output: 'flv', missing: 'There is no FLV recording of this stream.' },
	{
		kind: 'merged',
		page: 'play_merge.html',
		output: 'fmp4',
		missing: 'There is no fMP4 recording of this stream.',
	},
	{
		kind: 'separate',
		page: 'play_merge.html',
		output: 'fmp4',
		missing: 'There is no fMP4 recording of this stream.',
	},
];

const query = new URLSearchParams(location.search);
const format = chosenFormat();
const view = new PlayerView('Playing');
const streamField = byId('choose', HTMLFormElement).elements.namedItem('stream') as HTMLInputElement;
streamField.value = query.get('stream') ?? recentStreams()[0] ?? '';

const stream = parseStream(streamField.value);
for (const { kind } of FORMATS) {
	const tab = byId(`format-${kind}`, HTMLAnchorElement);
	if (stream !== null) {
		tab.search = `${tab.search}${tab.search === '' ? '?' : '&'}stream=${stream}`;
	}
	if (kind === format.kind) {
		tab.setAttribute('aria-current', 'page');
	}
}
if (format.kind === 'separate') {
	const field = document.createElement('input');
	Object.assign(field, { type: 'hidden', name: 'format', value: 'separate' });
	byId('choose', HTMLFormElement).append(field);
}
if (stream !== null) {
	await play(stream);
} else if (streamField.value !== '') {
	view.show('bad', 'A stream is named app/name, of letters, digits, _ and -.');
}

function chosenFormat(): Format {
	const page = location.pathname.slice(location.pathname.lastIndexOf('/') + 1);
	const formats = FORMATS.filter((candidate) => candidate.page === page);
	return formats.find(({ kind }) => kind === query.get('format')) ?? formats[0] ?? FORMATS[0]!;
}

async function play(stream: string): Promise<void> {
	const server = await describeServer(appOf(stream));
	const url = recordingUrl(pageBase(), stream, format.kind);
	document.title = `${stream} · recording · Millrace`;
	rememberStream(stream);
	playerFor(url, await missingReason(stream, server)).start();
	const links = byId('links', HTMLUListElement);
	addCopyLine(links, 'This page', location.href);
	addCopyLine(links, 'The recording', new URL(url, location.href).href);
	byId('share', HTMLElement).hidden = false;
}

/** The sentence for a recording that is not there: why, and what can be done. */
async function missingReason(stream: string, { recorded }: ServerDescription): Promise<string> {
	if (!recorded[format.output]) {
		return `${format.missing} This server does not record in this form.`;
	}
	if (format.kind === 'mp4' && (await isGrowing(stream))) {
		byId('growing', HTMLAnchorElement).href = `play_merge.html?stream=${stream}`;
		byId('growing', HTMLElement).hidden = false;
		return 'This stream is being recorded: its MP4 is made when it ends. Watch it growing as fMP4.';
	}
	return format.missing;
}

/** The playlist of the recording has no end yet. */
async function isGrowing(stream: string): Promise<boolean> {
	const playlist = await fetch(recordingUrl(pageBase(), stream, 'merged'));
	return playlist.ok && !(await playlist.text()).includes('#EXT-X-ENDLIST');
}

function playerFor(url: string, missing: string): Player {
	return url.endsWith('.m3u8')
		? new HlsPlayer(view.video, url, { recorded: true, missing }, view)
		: new FilePlayer(view.video, url, missing, view);
}
