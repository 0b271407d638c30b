import { LivePlayer, type PlayerFigures, type PlayerState } from './live-player.js';
import { addCopyLine, byId, formatBitrate, rememberStream, setText } from './page.js';
import { mediaHost, parseStream, streamUrls } from './stream-address.js';

const video = byId('video', HTMLVideoElement);
const unmute = byId('unmute', HTMLButtonElement);
const form = byId('choose', HTMLFormElement);
const streamField = form.elements.namedItem('stream') as HTMLInputElement;
const viaField = form.elements.namedItem('via') as HTMLSelectElement;
const serverField = form.elements.namedItem('server') as HTMLInputElement;

const query = new URLSearchParams(location.search);
document.body.classList.toggle('embedded', query.has('embed'));
streamField.value = query.get('stream') ?? '';
viaField.value = query.get('via') === 'ws' ? 'ws' : 'http';
serverField.value = mediaHost(location, query.get('server'));

form.addEventListener('submit', (event) => {
	event.preventDefault();
	const stream = parseStream(streamField.value);
	if (stream === null) {
		show('bad', 'A stream is named app/name, of letters, digits, _ and -.');
		return;
	}
	const chosen = new URLSearchParams({ stream, via: viaField.value });
	if (serverField.value !== mediaHost(location, null)) {
		chosen.set('server', serverField.value);
	}
	location.search = chosen.toString().replaceAll('%2F', '/');
});

unmute.addEventListener('click', () => {
	video.muted = false;
});
video.addEventListener('volumechange', () => {
	unmute.hidden = !video.muted;
});

const stream = parseStream(streamField.value);
if (stream !== null) {
	watch(stream);
} else if (streamField.value !== '') {
	show('bad', 'A stream is named app/name, of letters, digits, _ and -.');
}

function watch(stream: string): void {
	const urls = streamUrls(serverField.value, stream, location.protocol === 'https:');
	document.title = `${stream} · Millrace`;
	rememberStream(stream);
	unmute.hidden = false;
	byId('figures', HTMLElement).hidden = false;
	const url = viaField.value === 'ws' ? urls.wsFlv : urls.httpFlv;
	new LivePlayer(video, url, { state: showState, figures: showFigures }).start();

	const here = new URL(location.href);
	here.searchParams.set('embed', '');
	const links = byId('links', HTMLUListElement);
	addCopyLine(links, 'This page', location.href);
	addCopyLine(links, 'HTTP-FLV, for VLC, ffplay and players in pages', urls.httpFlv);
	addCopyLine(links, 'WebSocket-FLV, for players in pages', urls.wsFlv);
	addCopyLine(links, 'RTMP', urls.rtmp);
	addCopyLine(
		links,
		'Embed in a page',
		`<iframe src="${here}" width="640" height="360" allow="autoplay; fullscreen" style="border:0"></iframe>`,
	);
	byId('share', HTMLElement).hidden = false;
}

function showState(state: PlayerState): void {
	const { kind, text, overPicture } = describe(state);
	show(kind, text, overPicture);
}

type Notice = { kind: 'good' | 'warn' | 'bad'; text: string; overPicture?: string };

function describe(state: PlayerState): Notice {
	switch (state.kind) {
		case 'connecting':
			return { kind: 'warn', text: 'Connecting', overPicture: 'Connecting …' };
		case 'playing':
			return { kind: 'good', text: 'Live' };
		case 'paused-source':
			return { kind: 'warn', text: 'The publisher sends nothing', overPicture: 'Waiting for the publisher …' };
		case 'waiting': {
			const retry = `Trying again in ${Math.ceil(state.retryInMs / 1000)} s.`;
			return { kind: 'warn', text: `${state.reason} ${retry}`, overPicture: state.reason };
		}
		case 'failed':
			return { kind: 'bad', text: state.reason, overPicture: state.reason };
	}
}

function show(kind: Notice['kind'], text: string, overPicture = ''): void {
	const badge = byId('state', HTMLElement);
	badge.setAttribute('data-kind', kind);
	badge.textContent = text;
	setText('message', overPicture);
}

function showFigures(figures: PlayerFigures): void {
	setText('behind', `${(figures.behindMs / 1000).toFixed(2)} s`);
	setText('bitrate', formatBitrate(figures.bitsPerSecond));
	setText('picture', figures.width === 0 ? '–' : `${figures.width} × ${figures.height}`);
	setText('frames', `${figures.decodedFrames} / ${figures.droppedFrames}`);
	setText('codecs', figures.codecs === '' ? '–' : figures.codecs);
	setText('reconnects', String(figures.reconnects));
}
