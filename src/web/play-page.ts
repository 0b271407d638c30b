import { FlvPlayer } from './flv-player.js';
import { HlsPlayer } from './hls-player.js';
import { addCopyLine, byId, rememberStream } from './page.js';
import { mediaSourceSupports, type Player } from './player.js';
import { PlayerView } from './player-view.js';
import { chooseVia, mediaHost, parseStream, type StreamUrls, streamUrls } from './stream-address.js';

/** What every browser with Media Source Extensions plays. */
const COMMON_TYPE = 'video/mp4; codecs="avc1.42E01E, mp4a.40.2"';

const view = new PlayerView();
const form = byId('choose', HTMLFormElement);
const streamField = form.elements.namedItem('stream') as HTMLInputElement;
const viaField = form.elements.namedItem('via') as HTMLSelectElement;
const serverField = form.elements.namedItem('server') as HTMLInputElement;

const query = new URLSearchParams(location.search);
document.body.classList.toggle('embedded', query.has('embed'));
streamField.value = query.get('stream') ?? '';
viaField.value = chooseVia(query.get('via'), mediaSourceSupports(COMMON_TYPE));
serverField.value = mediaHost(location, query.get('server'));

form.addEventListener('submit', (event) => {
	event.preventDefault();
	const stream = parseStream(streamField.value);
	if (stream === null) {
		view.show('bad', 'A stream is named app/name, of letters, digits, _ and -.');
		return;
	}
	const chosen = new URLSearchParams({ stream, via: viaField.value });
	if (serverField.value !== mediaHost(location, null)) {
		chosen.set('server', serverField.value);
	}
	location.search = chosen.toString().replaceAll('%2F', '/');
});

const stream = parseStream(streamField.value);
if (stream !== null) {
	watch(stream);
} else if (streamField.value !== '') {
	view.show('bad', 'A stream is named app/name, of letters, digits, _ and -.');
}

function watch(stream: string): void {
	const urls = streamUrls(serverField.value, stream, location.protocol === 'https:');
	document.title = `${stream} · Millrace`;
	rememberStream(stream);
	playerFor(urls).start();

	const here = new URL(location.href);
	here.searchParams.set('embed', '');
	const links = byId('links', HTMLUListElement);
	addCopyLine(links, 'This page', location.href);
	addCopyLine(links, 'HTTP-FLV, for VLC, ffplay and players in pages', urls.httpFlv);
	addCopyLine(links, 'WebSocket-FLV, for players in pages', urls.wsFlv);
	addCopyLine(links, 'HLS with low latency', urls.llHls);
	addCopyLine(links, 'HLS with MPEG-TS, for every player', urls.hls);
	addCopyLine(links, 'RTMP', urls.rtmp);
	addCopyLine(
		links,
		'Embed in a page',
		`<iframe src="${here}" width="640" height="360" allow="autoplay; fullscreen" style="border:0"></iframe>`,
	);
	byId('share', HTMLElement).hidden = false;
}

function playerFor(urls: StreamUrls): Player {
	const live = { recorded: false, missing: 'The stream is not live.' };
	switch (viaField.value) {
		case 'll-hls':
			return new HlsPlayer(view.video, urls.llHls, live, view);
		case 'hls':
			return new HlsPlayer(view.video, urls.hls, live, view);
		case 'ws':
			return new FlvPlayer(view.video, urls.wsFlv, view);
		default:
			return new FlvPlayer(view.video, urls.httpFlv, view);
	}
}
