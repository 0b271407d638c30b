import { FilePlayer } from './file-player.js';
import { HlsPlayer } from './hls-player.js';
import { addCopyLine, byId, recentStreams, rememberStream } from './page.js';
import type { Player } from './player.js';
import { PlayerView } from './player-view.js';
import { parseStream, type RecordingKind, recordingUrl } from './stream-address.js';

// One page under three names, those that rtmp_server has: mp4.html, video.html and play_merge.html.

type Format = { kind: RecordingKind; page: string; missing: string };

const FORMATS: readonly Format[] = [
	{
		kind: 'mp4',
		page: 'mp4.html',
		missing: 'There is no finished MP4 of this stream: it is made when a recording ends.',
	},
	{ kind: 'flv', page: 'video.html', missing: 'There is no FLV recording of this stream.' },
	{ kind: 'merged', page: 'play_merge.html', missing: 'There is no fMP4 recording of this stream.' },
	{ kind: 'separate', page: 'play_merge.html', missing: 'There is no fMP4 recording of this stream.' },
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
	play(stream);
} else if (streamField.value !== '') {
	view.show('bad', 'A stream is named app/name, of letters, digits, _ and -.');
}

function chosenFormat(): Format {
	const page = location.pathname.slice(location.pathname.lastIndexOf('/') + 1);
	const formats = FORMATS.filter((candidate) => candidate.page === page);
	return formats.find(({ kind }) => kind === query.get('format')) ?? formats[0] ?? FORMATS[0]!;
}

function play(stream: string): void {
	const url = recordingUrl(stream, format.kind);
	document.title = `${stream} · recording · Millrace`;
	rememberStream(stream);
	playerFor(url).start();
	const links = byId('links', HTMLUListElement);
	addCopyLine(links, 'This page', location.href);
	addCopyLine(links, 'The recording', new URL(url, location.href).href);
	byId('share', HTMLElement).hidden = false;
}

function playerFor(url: string): Player {
	const { missing } = format;
	return url.endsWith('.m3u8')
		? new HlsPlayer(view.video, url, { recorded: true, missing }, view)
		: new FilePlayer(view.video, url, missing, view);
}
