import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from '../support/deployment.js';
import { Program } from '../support/program.js';
import { ServerProcess } from '../support/server-process.js';
import { inCi, missing } from '../support/tools.js';

/** npm says this when neither the registry nor its cache has the packages. */
const NO_PACKAGES = /ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/;
/** docs/operate.md says 40; npm leaves out what other platforms need, so there may be one less. */
const MAX_PACKAGES = 40;

type Packed = { filename: string; files: { path: string }[] };

describe('the package', () => {
	it('runs where it is installed, and its pages answer', { skip: missing('npm', 'npx') }, async (t) => {
		const directory = mkdtempSync(join(tmpdir(), 'millrace-package-'));
		t.after(() => rmSync(directory, { recursive: true, force: true }));
		// Without scripts: they would build dist anew, from which this test runs.
		const pack = ['pack', ROOT, '--ignore-scripts', '--json', '--pack-destination', directory];
		const [packed] = JSON.parse(await new Program(t, 'npm', pack).succeed()) as Packed[];
		const paths = packed!.files.map(({ path }) => path);
		assert.deepEqual(
			paths.filter((path) => /^(src|test|bench|ops|dist\/(test|bench|ops))\/|\.(map|ts)$/.test(path)),
			[],
			'what no server needs',
		);

		const tarball = join(directory, packed!.filename);
		const options = ['--omit=dev', '--no-audit', '--no-fund', '--prefer-offline'];
		const install = new Program(t, 'npm', ['install', ...options, tarball], { cwd: directory });
		if ((await install.exit()) !== 0 && !inCi() && NO_PACKAGES.test(install.stderr)) {
			t.skip('no registry and no cached packages');
			return;
		}
		await install.succeed();
		const lock = JSON.parse(readFileSync(join(directory, 'node_modules/.package-lock.json'), 'utf8'));
		const count = Object.keys(lock.packages).length;
		assert.ok(count > 20 && count <= MAX_PACKAGES, `${count} packages`);

		const help = await new Program(t, 'npx', ['millrace', '--help'], { cwd: directory }).succeed();
		assert.match(help, /^Usage: millrace \[flags\]/);

		const supervisor = join(directory, 'node_modules/millrace/dist/supervisor.js');
		const server = await ServerProcess.start({ supervisor });
		try {
			for (const page of ['index.html', 'play.html', 'assets/web/player.js', 'assets/hls.js', 'assets/mpegts.js']) {
				const response = await fetch(server.httpUrl(page));
				assert.equal(response.status, 200, page);
				assert.ok((await response.text()).length > 100, page);
			}
			const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
			const answer = (await (await fetch(server.adminUrl('api/v1/version'))).json()) as { version: string };
			assert.equal(answer.version, version);
		} finally {
			assert.equal(await server.stop(), 0);
		}
	});
});
