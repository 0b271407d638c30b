import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import send from 'send';
import { answerError } from './http-answer.js';
import { endOf } from './session-end.js';

/** The pages as the build leaves them, beside this file's folder. */
const WEB_ROOT = fileURLToPath(new URL('../web', import.meta.url));
/** Folders of the media root that are open to the public. */
const MEDIA_FOLDERS = ['flv', 'hls', 'mp4'];
/** A peer that takes nothing of a file for this long is cut off. */
const STALL_TIMEOUT_MS = 30_000;

const CONTENT_TYPE: Readonly<Record<string, string>> = {
	'.flv': 'video/x-flv',
	'.m3u8': 'application/vnd.apple.mpegurl',
	'.ts': 'video/mp2t',
	'.m4s': 'video/iso.segment',
	'.mp4': 'video/mp4',
	'.mpd': 'application/dash+xml',
};

/** Answers GET and HEAD with a file: recordings below `media`, everything else from the built pages. */
export function serveFile(
	request: IncomingMessage,
	response: ServerResponse,
	target: string,
	media: string,
	headers: Readonly<Record<string, string>>,
): void {
	const { root, local } = locate(target, media);
	const refuse = (status: number): void => {
		answerError(response, endOf('HTTP_REQUEST', 'no such file'), headers, { status, keepAlive: true });
		response.end();
	};
	response.setTimeout(STALL_TIMEOUT_MS, () => response.destroy());
	// Files grow and are replaced while they are being watched: always asked for again, answered by ETag.
	const options = { root, dotfiles: 'deny', index: false, cacheControl: false } as const;
	send(request, local, options)
		.on('headers', (_response: ServerResponse, file: string) => {
			response.setHeader('Cache-Control', 'no-cache');
			const type = CONTENT_TYPE[path.extname(file)];
			if (type !== undefined) {
				response.setHeader('Content-Type', type);
			}
			for (const [name, value] of Object.entries(headers)) {
				response.setHeader(name, value);
			}
		})
		.on('directory', () => refuse(404))
		.on('error', ({ status }: { status: number }) => {
			if (response.headersSent) {
				response.destroy();
			} else {
				refuse(status === 403 ? 404 : status);
			}
		})
		.pipe(response);
}

/**
 * The directory that a target lies in, never to be left, and the rest of the target. Each folder of the media root is one of its
 * own: `..` does not lead from one to what is beside it.
 */
function locate(target: string, media: string): { root: string; local: string } {
	const [, folder = '', ...rest] = target.split('/');
	if (MEDIA_FOLDERS.includes(folder)) {
		return { root: path.resolve(media, folder), local: `/${rest.join('/')}` };
	}
	return { root: WEB_ROOT, local: target === '/' ? '/index.html' : target };
}
