import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ERROR_CODES } from '#src/errors.js';
import { LAYERS, type Place } from '#src/ops/layers.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A folder (or file) of `src` imports from itself and from those left of it. */
const FOLDERS = LAYERS.map(({ folder }) => folder);
/** Code for a browser shares only what needs no server. */
const WEB_MAY_IMPORT = ['web', ...FOLDERS.slice(0, FOLDERS.indexOf('container') + 1)];

/** The files with which each place of the table of layers begins. */
const ENTRIES: Readonly<Record<Place, RegExp>> = {
	primary: /^src\/(supervisor|cli\/main)\.ts$/,
	coordinator: /^src\/primary\/worker-process\.ts$/,
	ingest: /^workers\/ingest\.ts$/,
	delivery: /^workers\/delivery\.ts$/,
	remux: /^workers\/remux\.ts$/,
	disk: /^workers\/disk\.ts$/,
	tools: /^src\/(supervisor|tools\/[\w-]+)\.ts$/,
	browser: /^src\/web\/[\w-]+\.ts$/,
};

/** Packages that one folder of `src` wraps for all the others. */
const PACKAGE_OWNERS: Readonly<Record<string, string>> = {
	piscina: 'process',
	pino: 'log',
	'pino-pretty': 'log',
	'sonic-boom': 'log',
	'prom-client': 'metrics',
	yaml: 'config',
	'mpegts.js': 'web',
};

/** Each of them costs every start: zod alone was half of a thread's. What is needed later is loaded later. */
const LOADED_AT_START: Readonly<Record<string, readonly string[]>> = {
	'src/cli/main.ts': ['pino', 'sonic-boom', 'zod'],
	'src/primary/worker-process.ts': ['pino', 'piscina'],
	'workers/ingest.ts': ['pino', 'ws'],
	'workers/delivery.ts': ['lru-cache', 'pino', 'sonic-boom', 'ws'],
	'workers/remux.ts': [],
	'workers/disk.ts': [],
};

/** A name arrives here as two texts and becomes a StreamName. */
const ASKED_BY_TEXT = [
	...['src/admin/admin-api.ts', 'src/admin/stream-view.ts', 'src/http/paths.ts'],
	...['src/files/clip-source.ts', 'src/delivery/route.ts', 'test/stream-name.test.ts'],
	// The rows of the admin API, as its users see them.
	'test/integration/processes.test.ts',
];

const TOP_LEVEL_FOLDERS = ['bench', 'docs', 'ops', 'src', 'test', 'workers'];
const MAX_SOURCE_LINES = 400;
const MAX_WORKER_LINES = 40;

/** Source files that may be longer than MAX_SOURCE_LINES, each with its reason. */
const LONG_FILES: Readonly<Record<string, string>> = {};

/**
 * Files with private fields of bytes that are not KeptBytes, each with the reason why nobody else writes over them. A field that is
 * given bytes by a caller and outlives the call is KeptBytes, made by copyOf.
 */
const OWN_BYTES: Readonly<Record<string, string>> = {
	'src/bytes/bit-reader.ts': 'a reader lives for one call',
	'src/bytes/byte-writer.ts': 'its own memory',
	'src/codec/amf0.ts': 'a reader lives for one call, a writer has its own memory',
	'src/codec/amf3.ts': 'a reader lives for one call',
	'src/container/flv/reader.ts': 'its own memory',
	'src/container/flv/tag-body.ts': 'its own memory',
	'src/container/mp4/box-reader.ts': 'a reader lives for one call',
	'src/container/mp4/sample-run.ts': 'from a pool, until it is handed on',
	'src/container/mpegts/demuxer.ts': 'its own memory',
	'src/container/mpegts/muxer.ts': 'its own memory',
	'src/container/mpegts/packet-writer.ts': 'from a pool, until it is handed on',
	'src/delivery/ws-play.ts': 'the head that an upgrade gives away',
	'src/delivery/ws-push.ts': 'the head that an upgrade gives away',
	'src/files/cache/growing-object.ts': 'pieces of an answer that Node gives away',
	'src/files/time-shift.ts': 'a body is the key of what was read from it',
	'src/live/part-publisher.ts': 'made by the call before',
	'src/protocol/rtmp/chunk-reader.ts': 'its own memory',
	'src/protocol/rtmp/handshake.ts': 'its own memory',
	'src/record/disk/disk-thread.ts': 'its own memory',
	'src/record/fmp4/clip.ts': 'made for it',
	'src/record/fmp4/fragment-scan.ts': 'its own memory',
	'src/record/hls/segment-encryption.ts': 'made for it',
	'src/relay/tag-history.ts': 'numbers',
	'src/remux/file-window.ts': 'its own memory',
	'src/remux/frames-from-ts.ts': 'a copy, made where it is set',
	'src/remux/frames-to-flv.ts': 'from a pool, until it is handed on',
	'src/remux/samples/nal-samples.ts': 'its own memory; a frame is used up before the next one',
	'src/remux/ts-segmenter.ts': 'made by the call before',
	'src/ring/part-ring-reader.ts': 'its own memory',
	'src/ring/part-ring-writer.ts': 'its own memory',
	'src/ring/ring-reader.ts': 'its own memory',
	'src/stream/play/lane.ts': 'made by the call before',
	'src/tools/load/flv-scanner.ts': 'a copy, made where it is set',
	'src/tools/load/http-flv-reader.ts': 'a copy, made where it is set',
	'src/tools/load/publisher-group.ts': 'made for it',
	'src/tools/load/rtmp-chunks.ts': 'a copy, made where it is set',
	'src/tools/load/rtmp-client.ts': 'a copy, made where it is set',
	'src/tools/pulled-flv.ts': 'tags that were built for it',
};
/** A private field whose declaration says that it holds bytes, or what holds them; functions that take bytes hold none. */
const FIELD_OF_BYTES = /^\t(?:readonly )?#\w+(?::| =)(?!.*=>)(?=.*\b(?:Buffer|Uint8Array)\b)/m;

/** Stands before a specifier in `SourceFile.imports`. */
const MARK = /^(type|later):/;

type SourceFile = { path: string; text: string; lines: number; imports: string[] };

describe('architecture', () => {
	const source = readTree('src');
	const workers = readTree('workers');
	const everything = [...source, ...workers, ...readTree('ops'), ...readTree('test'), ...readTree('bench')];

	it('has only the folders of the layout at the top level', () => {
		const ignored = readFileSync(path.join(ROOT, '.gitignore'), 'utf8')
			.split('\n')
			.map((line) => line.replaceAll('/', ''));
		const folders = readdirSync(ROOT, { withFileTypes: true })
			.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !ignored.includes(entry.name))
			.map((entry) => entry.name);
		assert.deepEqual(
			folders.filter((folder) => !TOP_LEVEL_FOLDERS.includes(folder)),
			[],
		);
	});

	it('imports only downward', () => {
		const wrong = source.flatMap((file) => {
			const from = layerOf(file.path);
			assert.ok(FOLDERS.includes(from), `${file.path} is in no layer`);
			const allowed = from === 'web' ? WEB_MAY_IMPORT : FOLDERS.slice(0, FOLDERS.indexOf(from) + 1);
			return localImports(file)
				.filter((target) => !allowed.includes(layerOf(target)))
				.map((target) => `${file.path} -> ${target}`);
		});
		assert.deepEqual(wrong, []);
	});

	it('has a table of layers that says where each of them runs', () => {
		const graph = new Map([...source, ...workers].map((file) => [file.path, localImports(file, { atStart: true })]));
		const places = (Object.keys(ENTRIES) as Place[]).map((place) => {
			const reached = reachable(graph, (file) => ENTRIES[place].test(file));
			return [place, new Set([...reached].map(layerOf))] as const;
		});
		const wrong = LAYERS.flatMap(({ folder, runsIn }) =>
			places
				.filter(([place, layers]) => (runsIn.includes('everywhere') || runsIn.includes(place)) && !layers.has(folder))
				.map(([place]) => `${folder} is not loaded in ${place}`),
		);
		assert.deepEqual(wrong, []);
		assert.deepEqual(
			FOLDERS.filter((folder) => !source.some((file) => layerOf(file.path) === folder)),
			[],
			'layers without a file',
		);
	});

	it('has no cycle between files, imports of types included', () => {
		const graph = new Map(source.map((file) => [file.path, localImports(file)]));
		assert.deepEqual(findCycle(graph), []);
	});

	it('keeps each wrapped package in the folder that wraps it', () => {
		const wrong = source.flatMap((file) =>
			file.imports
				.map((specifier) => specifier.replace(MARK, ''))
				.filter((specifier) => (PACKAGE_OWNERS[specifier] ?? layerOf(file.path)) !== layerOf(file.path))
				.map((specifier) => `${file.path} -> ${specifier}`),
		);
		assert.deepEqual(wrong, []);
	});

	it('runs with the packages of an installation, and each of them is needed', () => {
		const { dependencies } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
			dependencies: Record<string, string>;
		};
		const needed = [...source, ...workers]
			.filter((file) => layerOf(file.path) !== 'web')
			.flatMap((file) => file.imports)
			.filter((specifier) => !/^(type:|node:|(later:)?[.#])/.test(specifier))
			.map((specifier) => specifier.replace(MARK, ''));
		assert.deepEqual([...new Set(needed)].sort(), Object.keys(dependencies).sort());
	});

	it('loads only those packages at the start of a process or thread that it cannot do without', () => {
		const files = new Map([...source, ...workers].map((file) => [file.path, file]));
		const graph = new Map([...files.values()].map((file) => [file.path, localImports(file, { atStart: true })]));
		for (const [entry, packages] of Object.entries(LOADED_AT_START)) {
			const specifiers = [...reachable(graph, (file) => file === entry)].flatMap((file) => files.get(file)!.imports);
			const loaded = specifiers.filter((specifier) => !/^(type:|later:|node:|[.#])/.test(specifier));
			assert.deepEqual([...new Set(loaded)].sort(), packages, entry);
		}
	});

	it('has workers that only start a role', () => {
		const roleClass = /^(type:)?#src\/(process\/|[a-z]+(\/[a-z]+)?\/[a-z0-9-]+-(role|task)\.js$)/;
		for (const worker of workers) {
			assert.ok(worker.lines <= MAX_WORKER_LINES, `${worker.path} has ${worker.lines} lines`);
			assert.deepEqual(
				worker.imports.filter((specifier) => !roleClass.test(specifier)),
				[],
				worker.path,
			);
		}
	});

	it('catches errors of peers by one function, so that a fault of our own is never taken for one', () => {
		// Every spelling of "a PeerError, or else throw it again", and a promise's error that is called a PeerError unseen.
		const rethrow =
			/instanceof PeerError\b(?:[^}]|\}(?=\s*throw))*?throw (?:error|fault|reason)\b|throw \w+ instanceof PeerError|as PeerError\b|error: PeerError\) =>\s*(?:this\.|refuse)|\}: PeerError\) =>\s*(?!void)/;
		const wrong = source.filter(({ path: file, text }) => file !== 'src/errors.ts' && rethrow.test(text));
		assert.deepEqual(
			wrong.map((file) => file.path),
			[],
		);
	});

	it('speaks of streams by one value, made in one place', () => {
		const pair = /\bapp: string[,;]\s*name: string|\$\{(?:\w+\.)?app\}\/\$\{(?:\w+\.)?name\}/;
		const maker = 'src/stream-name.ts';
		const wrong = everything.filter(
			({ path: file, text }) => file !== maker && !ASKED_BY_TEXT.includes(file) && pair.test(text),
		);
		assert.deepEqual(
			wrong.map((file) => file.path),
			[],
		);
	});

	it('has no source file that is too long without a reason', () => {
		const long = source.filter((file) => file.lines > MAX_SOURCE_LINES && LONG_FILES[file.path] === undefined);
		assert.deepEqual(
			long.map((file) => `${file.path}: ${file.lines} lines`),
			[],
		);
		for (const listed of Object.keys(LONG_FILES)) {
			assert.ok(
				source.some((file) => file.path === listed && file.lines > MAX_SOURCE_LINES),
				`${listed} is listed in vain`,
			);
		}
	});

	it('names files in kebab-case and after one idea', () => {
		const wrong = everything.filter((file) => {
			const name = path.basename(file.path);
			return !/^[a-z0-9]+([-.][a-z0-9]+)*\.ts$/.test(name) || /^(utils?|helpers?|common|misc)\.ts$/.test(name);
		});
		assert.deepEqual(
			wrong.map((file) => file.path),
			[],
		);
	});

	it('says of every field of borrowed bytes whose they are', () => {
		const files = source.filter((file) => layerOf(file.path) !== 'web' && FIELD_OF_BYTES.test(file.text));
		assert.deepEqual(
			files.map((file) => file.path).sort(),
			Object.keys(OWN_BYTES).sort(),
			'a field that keeps the bytes of a caller is KeptBytes (copyOf); for any other its file says here whose they are',
		);
	});

	it('silences no checker and leaves no note for later', () => {
		const banned = new RegExp(
			['@ts-(ignore|nocheck)', 'TO' + 'DO', 'FIX' + 'ME', '[:<]\\s*any\\b(?!\\s*[a-z])'].join('|'),
		);
		const wrong = everything.flatMap((file) =>
			file.text
				.split('\n')
				.map((line, index) => ({ line, at: `${file.path}:${index + 1}` }))
				.filter(({ line }) => banned.test(line.replace(/\/\/.*$|^\s*\*.*$/, (comment) => comment.replace(/any/g, ''))))
				.map(({ at }) => at),
		);
		assert.deepEqual(wrong, []);
	});

	it('has comments that begin with their subject', () => {
		const wrong = everything
			.flatMap((file) => commentsOf(file.text).map((comment) => `${file.path}: ${comment}`))
			.filter((comment) => /: (Of|Wh(at|atever|ether|ere|erever|ich|o|oever|om|omever|ose)|How|Those)\b/.test(comment));
		assert.deepEqual(wrong, []);
	});

	it('says of every error code what it means', () => {
		const sentences = Object.entries(ERROR_CODES);
		for (const [code, sentence] of sentences) {
			assert.match(code, /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/);
			assert.match(sentence, /^[A-Z].{8,}[^.]$/, code);
		}
		assert.equal(
			new Set(sentences.map(([, sentence]) => sentence)).size,
			sentences.length,
			'two codes with one meaning',
		);
	});
});

function readTree(folder: string): SourceFile[] {
	return readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('node_modules'))
		.map((entry) => {
			const file = path.join(entry.parentPath, entry.name);
			const text = readFileSync(file, 'utf8');
			return {
				path: path.relative(ROOT, file).split(path.sep).join('/'),
				text,
				lines: text.split('\n').length - 1,
				imports: importsOf(text),
			};
		});
}

/** The first line of every comment that stands on lines of its own. */
function commentsOf(text: string): string[] {
	const first = /^\s*(?:\/\*\*? (.*)|\/\*\*?\n\s*\* (.*)|(?<!^\s*\/\/.*\n\s*)\/\/ (.*))/gm;
	return [...text.matchAll(first)].map(([, line, block, slashes]) => line ?? block ?? slashes ?? '');
}

/** Specifiers of every import and re-export; those of types alone begin with `type:`, those of calls with `later:`. */
function importsOf(text: string): string[] {
	const statements =
		/^(?:import|export)\s(?:(type)\s(?!from\b))?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\b(?:import|require)\(\s*'([^']+)'\s*\)/gm;
	return [...text.matchAll(statements)].map(([, type, specifier, later]) =>
		later === undefined ? `${type === undefined ? '' : 'type:'}${specifier}` : `later:${later}`,
	);
}

/** Imported files of our own, as paths from the root; with `atStart` only those that are loaded together with `file`. */
function localImports(file: SourceFile, { atStart = false } = {}): string[] {
	return file.imports
		.filter((specifier) => !atStart || !MARK.test(specifier))
		.map((specifier) => specifier.replace(MARK, ''))
		.filter((specifier) => specifier.startsWith('.') || specifier.startsWith('#src/'))
		.map((specifier) =>
			specifier.startsWith('.')
				? path.posix.join(path.posix.dirname(file.path), specifier)
				: specifier.replace(/^#/, ''),
		)
		.map((target) => target.replace(/\.js$/, '.ts'));
}

/** `src/ring/layout.ts` is in layer `ring`, `src/errors.ts` in `errors`. */
function layerOf(file: string): string {
	return (file.split('/')[1] ?? '').replace(/\.ts$/, '');
}

/** The files that are loaded when those that `isEntry` are. */
function reachable(graph: ReadonlyMap<string, readonly string[]>, isEntry: (file: string) => boolean): Set<string> {
	const reached = new Set([...graph.keys()].filter(isEntry));
	for (const file of reached) {
		for (const target of graph.get(file) ?? []) {
			reached.add(target);
		}
	}
	return reached;
}

/** The files of one import cycle, or none. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] {
	const done = new Set<string>();
	const visit = (file: string, trail: readonly string[]): string[] => {
		if (trail.includes(file)) {
			return [...trail.slice(trail.indexOf(file)), file];
		}
		if (done.has(file)) {
			return [];
		}
		for (const target of graph.get(file) ?? []) {
			const cycle = visit(target, [...trail, file]);
			if (cycle.length > 0) {
				return cycle;
			}
		}
		done.add(file);
		return [];
	};
	for (const file of graph.keys()) {
		const cycle = visit(file, []);
		if (cycle.length > 0) {
			return cycle;
		}
	}
	return [];
}
