/**
 * Every npm script but the smallest: sets up what the command needs, then runs it. Plain JavaScript without dependencies, because it
 * may be the first thing that ever runs in a fresh clone.
 *
 *   node ops/bootstrap.mjs COMMAND [arguments]
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OLDEST_NODE = [20, 19];
/** FFmpeg 8, another streaming server and schemas, for the end-to-end tests. */
const E2E_PACKAGES = ['test/e2e/ffmpeg8', 'test/e2e/packages'].map((directory) => path.join(ROOT, directory));

const COMMANDS = {
	build,
	/** Runs the server in this very process, so that signals, exit code and standard streams are the server's own. */
	async start(args) {
		build();
		await run('dist/supervisor.js', ['--role', 'origin', ...args]);
	},
	async demo(args) {
		build();
		await run('dist/tools/demo.js', args);
	},
	async bench(args) {
		build();
		await run('dist/bench/compare.js', args);
	},
	async docs(args) {
		build();
		await run('dist/ops/docs.js', args);
	},
	/** Before `npm pack`: dist gets what is compiled now, and nothing of sources that are gone. */
	pack() {
		rmSync('dist', { recursive: true, force: true });
		build();
	},
	/** Types, lint and the tests that need no other program: seconds. */
	async check(args) {
		lint();
		buildAfresh();
		await run('dist/test/run.js', ['--fast', ...args]);
	},
	/** Everything. With arguments: only the test files whose names contain one of them. */
	async test(args) {
		lint();
		buildAfresh();
		const { installTestPrograms } = await import('./test-programs.mjs');
		installTestPrograms();
		for (const directory of E2E_PACKAGES) {
			installPackages(directory, { optional: true });
		}
		await run('dist/test/run.js', args);
	},
};

const [command = '', ...commandArguments] = process.argv.slice(2);
requireNode();
if (!Object.hasOwn(COMMANDS, command)) {
	fail(`usage: node ops/bootstrap.mjs ${Object.keys(COMMANDS).join('|')} [arguments]`);
}
process.chdir(ROOT);
installPackages(ROOT, { optional: false });
await COMMANDS[command](commandArguments);

function requireNode() {
	const version = process.versions.node.split('.').map(Number);
	const isOld = version[0] < OLDEST_NODE[0] || (version[0] === OLDEST_NODE[0] && version[1] < OLDEST_NODE[1]);
	if (isOld) {
		fail(`Millrace needs Node.js ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}`);
	}
}

/** Brings node_modules in step with package-lock.json; nothing to do, and quiet, when it is. */
function installPackages(directory, { optional }) {
	const modules = path.join(directory, 'node_modules');
	const stamp = path.join(modules, '.millrace-stamp');
	if (isInstalled(directory, modules, stamp)) {
		return;
	}
	say(`installing packages in ${path.relative('.', directory) || '.'}`);
	// Not `npm ci`: it refuses a lock file without the packages of platforms that a registry does not carry.
	const status = npm(directory, ['install', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
	if (status === 0) {
		writeFileSync(stamp, fingerprint(directory));
	} else if (optional) {
		say('that failed; the tests that need them are skipped, or fail in CI');
	} else {
		fail('npm install failed; see above');
	}
}

function isInstalled(directory, modules, stamp) {
	if (existsSync(stamp)) {
		return readFileSync(stamp, 'utf8') === fingerprint(directory);
	}
	// A linked node_modules belongs to another checkout, which looks after it.
	if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
		return true;
	}
	// Installed by hand, with the tools to build: npm leaves its record there.
	const record = path.join(modules, '.package-lock.json');
	const isComplete = existsSync(record) && existsSync(path.join(modules, 'typescript'));
	return isComplete && statSync(record).mtimeMs >= statSync(path.join(directory, 'package-lock.json')).mtimeMs;
}

/** Changes whenever an install could bring something else. */
function fingerprint(directory) {
	const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
	for (const name of ['package.json', 'package-lock.json']) {
		hash.update(readFileSync(path.join(directory, name)));
	}
	return hash.digest('hex');
}

/** Compiles what has changed. */
function build() {
	mustSucceed('the build', 'node_modules/typescript/bin/tsc', ['-b', 'tsconfig.build.json']);
	mustSucceed('the build', 'dist/ops/copy-web.js', []);
}

/** Also forgets the compiled tests whose sources are gone. */
function buildAfresh() {
	rmSync('dist/test', { recursive: true, force: true });
	rmSync('dist/.test.tsbuildinfo', { force: true });
	build();
}

/** Biome formats and lints; oxlint knows the types, and so promises that nobody waits for. */
function lint() {
	mustSucceed('lint', 'node_modules/@biomejs/biome/bin/biome', ['check', '.']);
	const oxlint = 'node_modules/oxlint/bin/oxlint';
	mustSucceed('lint', oxlint, ['--type-aware', '--quiet', 'src', 'workers', 'ops', 'bench', 'test']);
}

/** Quiet unless it fails. */
function mustSucceed(what, script, args) {
	const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
	if (status !== 0) {
		process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
		fail(`${what} failed`);
	}
}

/** npm as it runs us, else the one in the PATH. */
function npm(directory, args) {
	const script = process.env.npm_execpath;
	const [program, first] = script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []];
	// npm prints to standard error: standard output is the command's.
	return spawnSync(program, [...first, ...args], { cwd: directory, stdio: ['ignore', 2, 2] }).status;
}

async function run(script, args) {
	const file = path.join(ROOT, script);
	process.argv = [process.execPath, file, ...args];
	await import(pathToFileURL(file).href);
}

function say(message) {
	process.stderr.write(`millrace: ${message}\n`);
}

function fail(message) {
	say(message);
	process.exit(1);
}
