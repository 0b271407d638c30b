import { FlvPlayer } from './flv-player.js';
import { HlsPlayer } from './hls-player.js';
import { addCopyLine, byId, rememberStream } from './page.js';
import { mediaSourceSupports, type Player } from './player.js';
import { PlayerView } from './player-view.js';
import { describeServer, pageBase } from './server.js';
import { appOf, chooseVia, mediaBase, parseStream, type StreamUrls, streamUrls } from './stream-address.js';

/** A type that every browser with Media Source Extensions plays. */
const COMMON_TYPE = 'video/mp4; codecs="avc1.42E01E, mp4a.40.2"';

const view = new PlayerView();
const form = byId('choose', HTMLFormElement);
const streamField = form.elements.namedItem('stream') as HTMLInputElement;
const viaField = form.elements.namedItem('via') as HTMLSelectElement;
const serverField = form.elements.namedItem('server') as HTMLInputElement;

const query = new URLSearchParams(location.search);
document.body.classList.toggle('embedded', query.has('embed'));
streamField.value = query.get('stream') ?? '';
const stream = parseStream(streamField.value);
const server = await describeServer(stream === null ? '' : appOf(stream));
const ownHost = mediaBase(pageBase(), server, null).host;
viaField.value = chooseVia(query.get('via'), mediaSourceSupports(COMMON_TYPE), server.role);
serverField.value = query.get('server') ?? ownHost;

form.addEventListener('submit', (event) => {
	event.preventDefault();
	const stream = parseStream(streamField.value);
	if (stream === null) {
		view.show('bad', 'A stream is named app/name, of letters, digits, _ and -.');
		return;
	}
	const chosen = new URLSearchParams({ stream, via: viaField.value });
	if (serverField.value !== ownHost) {
		chosen.set('server', serverField.value);
	}
	location.search = chosen.toString().replaceAll('%2F', '/');
});

if (stream !== null) {
	watch(stream);
} else if (streamField.value !== '') {
	view.show('bad', 'A stream is named app/name, of letters, digits, _ and -.');
}

function watch(stream: string): void {
	const given = serverField.value === ownHost ? null : serverField.value;
	const urls = streamUrls(mediaBase(pageBase(), server, given), server, stream);
	document.title = `${stream} · Millrace`;
	rememberStream(stream);
	playerFor(urls).start();

	const here = new URL(location.href);
	here.searchParams.set('embed', '');
	const links = byId('links', HTMLUListElement);
	addCopyLine(links, 'This page', location.href);
	addCopyLine(links, 'HTTP-FLV, for VLC, ffplay and players in pages', urls.httpFlv);
	addCopyLine(links, 'WebSocket-FLV, for players in pages', urls.wsFlv);
	if (server.lowLatency) {
		addCopyLine(links, 'HLS with low latency', urls.llHls);
	}
	if (server.recorded.hls) {
		addCopyLine(links, 'HLS with MPEG-TS, for every player', urls.hls);
	}
	if (urls.rtmp !== null) {
		addCopyLine(links, 'RTMP', urls.rtmp);
	}
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
