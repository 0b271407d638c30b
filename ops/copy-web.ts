import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The part of the build that tsc does not do: puts the pages, their style, the player libraries and the demo clip beside the compiled
 * scripts. dist/web is then what the server serves as its pages.
 */

/** Pages by the file in src/web that has their title, scripts and content. */
const PAGES = {
	'index.html': 'index.html',
	'play.html': 'play.html',
	'push.html': 'push.html',
	// The names of rtmp_server's pages.
	'mp4.html': 'recording.html',
	'video.html': 'recording.html',
	'play_merge.html': 'recording.html',
};

const source = fileURLToPath(new URL('../../src/', import.meta.url));
const target = fileURLToPath(new URL('../', import.meta.url));
const { resolve } = createRequire(import.meta.url);
const mpegts = resolve('mpegts.js');
const hls = resolve('hls.js/dist/hls.min.js');

copy(path.join(source, 'tools/demo.flv'), 'tools/demo.flv');
mkdirSync(path.join(target, 'web'), { recursive: true });
const shell = read('shell.html');
for (const [page, content] of Object.entries(PAGES)) {
	const [firstPage = page] = Object.entries(PAGES).find(([, other]) => other === content) ?? [];
	writeFileSync(path.join(target, 'web', page), assemble(read(content), firstPage));
}
copy(path.join(source, 'web/style.css'), 'web/assets/style.css');
copy(mpegts, 'web/assets/mpegts.js');
copy(`${mpegts}.LICENSE.txt`, 'web/assets/mpegts.js.LICENSE.txt');
copy(path.join(path.dirname(mpegts), '../LICENSE'), 'web/assets/mpegts.LICENSE.txt');
copy(hls, 'web/assets/hls.js');
copy(path.join(path.dirname(hls), '../LICENSE'), 'web/assets/hls.LICENSE.txt');

function read(page: string): string {
	return readFileSync(path.join(source, 'web', page), 'utf8');
}

/** Makes a page out of the shared part and its own. The text before `<main>` belongs into the head. */
function assemble(content: string, navigationPage: string): string {
	const mainAt = content.indexOf('<main>');
	return shell
		.replace('<!-- head -->', () => content.slice(0, mainAt).trim())
		.replace('<!-- main -->', () => content.slice(mainAt).trim())
		.replace(`href="${navigationPage}">`, `href="${navigationPage}" aria-current="page">`);
}

function copy(from: string, to: string): void {
	const file = path.join(target, to);
	mkdirSync(path.dirname(file), { recursive: true });
	copyFileSync(from, file);
}
