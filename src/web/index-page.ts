import { addCopyLine, byId, recentStreams } from './page.js';
import { mediaHost, streamUrls } from './stream-address.js';

const EXAMPLE = 'live/test';

const { rtmp, push } = streamUrls(mediaHost(location, null), EXAMPLE, location.protocol === 'https:');
const publish = byId('publish', HTMLUListElement);
addCopyLine(publish, 'OBS: server', rtmp.replace(/\/[^/]+$/, ''));
addCopyLine(publish, 'OBS: stream key', EXAMPLE.replace(/^.*\//, ''));
addCopyLine(publish, 'ffmpeg', `ffmpeg -re -i input.mp4 -c copy -f flv ${rtmp}`);
addCopyLine(publish, 'ffmpeg, by HTTP', `ffmpeg -re -i input.mp4 -c copy -f flv ${push.replace(/^ws/, 'http')}`);

const recent = byId('recent', HTMLElement);
for (const stream of recentStreams()) {
	const link = document.createElement('a');
	link.className = 'chip';
	link.href = `play.html?stream=${stream}`;
	link.textContent = stream;
	recent.append(link);
}
