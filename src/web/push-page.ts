import { AudioEncoding, chooseAudioCodec } from './audio-encoding.js';
import { capture, readAudio, readVideo } from './capture.js';
import { addCopyLine, byId, formatBitrate, formatBytes, rememberStream, setText } from './page.js';
import { PushConnection, type PushState } from './push-connection.js';
import { describeServer, pageBase } from './server.js';
import { mediaBase, parseStream, type StreamUrls, streamUrls } from './stream-address.js';
import { VideoEncoding } from './video-encoding.js';

const FIGURES_INTERVAL_MS = 1000;

const form = byId('settings', HTMLFormElement);
const preview = byId('preview', HTMLVideoElement);
const startButton = byId('start', HTMLButtonElement);
const stopButton = byId('stop', HTMLButtonElement);
const serverField = form.elements.namedItem('server') as HTMLInputElement;
const query = new URLSearchParams(location.search);

const server = await describeServer();
const ownHost = mediaBase(pageBase(), server, null).host;
serverField.value = query.get('server') ?? ownHost;
const streamField = form.elements.namedItem('stream') as HTMLInputElement;
streamField.value = query.get('stream') ?? '';

let stopPublishing: (() => void) | null = null;

if (!server.publish && serverField.value === ownHost) {
	show(
		'bad',
		`This server takes no publishers (it is a ${server.role}): publish to the server that it gets its streams from.`,
	);
}

form.addEventListener('submit', async (event) => {
	event.preventDefault();
	startButton.disabled = true;
	try {
		stopPublishing = await publish(new FormData(form));
		stopButton.disabled = false;
	} catch (error) {
		startButton.disabled = false;
		show('bad', error instanceof Error ? error.message : String(error));
	}
});
stopButton.addEventListener('click', () => stop('Not publishing'));

function stop(reason: string): void {
	stopPublishing?.();
	stopPublishing = null;
	startButton.disabled = false;
	stopButton.disabled = true;
	show('', reason);
}

/** Captures, encodes and sends until the returned function is called. */
async function publish(settings: FormData): Promise<() => void> {
	const stream = parseStream(streamField.value);
	if (stream === null) {
		throw new Error('A stream is named app/name, of letters, digits, _ and -.');
	}
	const height = Number(settings.get('height'));
	const bitsPerSecond = Number(settings.get('kbps')) * 1000;
	const source = settings.get('source') === 'screen' ? 'screen' : 'camera';
	const media = await capture({ source, height, sound: settings.has('sound') });
	const [videoTrack] = media.getVideoTracks();
	const [audioTrack] = media.getAudioTracks();
	if (videoTrack === undefined) {
		throw new Error('There is no picture to publish.');
	}
	const audioCodec = audioTrack === undefined ? null : await chooseAudioCodec();
	const given = serverField.value === ownHost ? null : serverField.value;
	const urls = streamUrls(mediaBase(pageBase(), server, given), server, stream);
	const failed = (reason: string): void => stop(reason);

	const video = await VideoEncoding.create(height, bitsPerSecond, {
		config: (config) => connection.videoConfig(config),
		frame: (frame) => connection.video(frame),
		failed,
	});
	const connection = new PushConnection(urls.push, audioCodec, bitsPerSecond, {
		state: showState,
		wantKeyframe: () => video.wantKeyframe(),
	});
	preview.srcObject = media;
	void preview.play();
	setText('message', '');
	const closers = [
		() => connection.close(),
		() => video.close(),
		readVideo(videoTrack, preview, (picture) => video.take(picture)),
	];
	if (audioTrack !== undefined && audioCodec !== null) {
		const audio = new AudioEncoding(audioCodec, {
			config: (config) => connection.audioConfig(config),
			frame: (timestampMs, frame) => connection.audio(timestampMs, frame),
			failed,
		});
		closers.push(
			() => audio.close(),
			readAudio(audioTrack, (sound) => audio.take(sound)),
		);
	}
	videoTrack.addEventListener('ended', () => stop('The source was taken away'));
	setText('codecs', [video.codec, audioCodec].filter((codec) => codec !== null).join(', '));
	const figuresTimer = showFigures(connection, video);
	shareLinks(stream, urls);
	return () => {
		window.clearInterval(figuresTimer);
		for (const close of closers) {
			close();
		}
		for (const track of media.getTracks()) {
			track.stop();
		}
		preview.srcObject = null;
	};
}

function showState(state: PushState): void {
	if (state.kind === 'connecting') {
		show('warn', 'Connecting');
	} else if (state.kind === 'live') {
		show('good', 'On air');
	} else {
		show('bad', `${state.reason} Trying again in ${Math.ceil(state.retryInMs / 1000)} s.`);
	}
}

function show(kind: string, text: string): void {
	const badge = byId('state', HTMLElement);
	badge.setAttribute('data-kind', kind);
	badge.textContent = text;
}

function showFigures(connection: PushConnection, video: VideoEncoding): number {
	byId('figures', HTMLElement).hidden = false;
	const startedAt = performance.now();
	let before = 0;
	return window.setInterval(() => {
		const { bytesSent, framesSent, framesSkipped, bytesWaiting } = connection.figures;
		const seconds = Math.round((performance.now() - startedAt) / 1000);
		setText('elapsed', `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`);
		setText('sent', formatBytes(bytesSent));
		setText('bitrate', formatBitrate(((bytesSent - before) * 8000) / FIGURES_INTERVAL_MS));
		setText('frames', `${framesSent} / ${framesSkipped + video.skipped}`);
		setText('waiting', formatBytes(bytesWaiting));
		before = bytesSent;
	}, FIGURES_INTERVAL_MS);
}

function shareLinks(stream: string, { httpFlv, rtmp }: Pick<StreamUrls, 'httpFlv' | 'rtmp'>): void {
	rememberStream(stream);
	const page = new URL('play.html', location.href);
	page.search = `stream=${stream}`;
	const links = byId('links', HTMLUListElement);
	links.replaceChildren();
	addCopyLine(links, 'In a browser', page.href);
	addCopyLine(links, 'HTTP-FLV', httpFlv);
	if (rtmp !== null) {
		addCopyLine(links, 'RTMP', rtmp);
	}
	byId('share', HTMLElement).hidden = false;
}
