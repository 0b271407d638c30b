import { addCopyLine, byId, recentStreams } from './page.js';
import { describeServer, pageBase, type ServerDescription } from './server.js';
import { mediaBase, streamUrls } from './stream-address.js';

const EXAMPLE = 'live/test';

const recent = byId('recent', HTMLElement);
for (const stream of recentStreams()) {
	const link = document.createElement('a');
	link.className = 'chip';
	link.href = `play.html?stream=${stream}`;
	link.textContent = stream;
	recent.append(link);
}
showPublishing(await describeServer());

/** Shows how to publish, when this server takes publishers; else shows where to go. */
function showPublishing(server: ServerDescription): void {
	byId('publishing', HTMLElement).hidden = !server.publish;
	byId('browser-publishing', HTMLElement).hidden = !server.publish;
	byId('no-publishing', HTMLElement).hidden = server.publish;
	const { rtmp, push } = streamUrls(mediaBase(pageBase(), server, null), server, EXAMPLE);
	const publish = byId('publish', HTMLUListElement);
	if (rtmp !== null) {
		addCopyLine(publish, 'OBS: server', rtmp.replace(/\/[^/]+$/, ''));
		addCopyLine(publish, 'OBS: stream key', EXAMPLE.replace(/^.*\//, ''));
		addCopyLine(publish, 'ffmpeg', `ffmpeg -re -i input.mp4 -c copy -f flv ${rtmp}`);
	}
	addCopyLine(publish, 'ffmpeg, by HTTP', `ffmpeg -re -i input.mp4 -c copy -f flv ${push.replace(/^ws/, 'http')}`);
}
