import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The part of the build that tsc does not do: puts the pages, their style, the player library and the demo clip beside the compiled
 * scripts. dist/web is then what the server serves as its pages.
 */

const source = fileURLToPath(new URL('../../src/', import.meta.url));
const target = fileURLToPath(new URL('../', import.meta.url));
const player = createRequire(import.meta.url).resolve('mpegts.js');

copy(path.join(source, 'tools/demo.flv'), 'tools/demo.flv');
for (const file of readdirSync(path.join(source, 'web'))) {
	if (file.endsWith('.html')) {
		copy(path.join(source, 'web', file), `web/${file}`);
	}
}
copy(path.join(source, 'web/style.css'), 'web/assets/style.css');
copy(player, 'web/assets/mpegts.js');
copy(`${player}.LICENSE.txt`, 'web/assets/mpegts.js.LICENSE.txt');
copy(path.join(path.dirname(player), '../LICENSE'), 'web/assets/mpegts.LICENSE.txt');

function copy(from: string, to: string): void {
	const file = path.join(target, to);
	mkdirSync(path.dirname(file), { recursive: true });
	copyFileSync(from, file);
}
