import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveInput } from './live-input.js';
import type { PulledFile } from './pulled-file.js';
import { PulledFlv } from './pulled-flv.js';
import { PulledMp4 } from './pulled-mp4.js';
import { clockText, StatusLine, sizeText } from './status-line.js';
import {
	ExitCode,
	readNumber,
	readToolArguments,
	readUrl,
	runAsScript,
	STREAM_PROTOCOLS,
	type Tool,
	ToolError,
	UsageError,
} from './tool.js';

const USAGE = `Usage: millrace pull URL OUT.flv|OUT.mp4 [--duration SECONDS] [--no-reconnect] [--force]

Records a live stream as it is. The file can be played at any moment; Ctrl-C finishes it.

  URL             http://HOST:8501/app/name.flv, ws://HOST:8501/app/name.flv or rtmp://HOST/app/name (https, wss, rtmps)
  OUT.flv         seekable when it is finished
  OUT.mp4         fragmented MP4; if the stream changes its codecs, it goes on in OUT_2.mp4
  --duration      stops after so many seconds of media
  --no-reconnect  a lost connection is the end (exit code 1); else it is made anew, for a minute at most
  --force         replaces a file that is there
`;

const PATIENCE_MS = 60_000;
const FLUSH_MS = 250;

type PullOptions = { url: URL; output: string; durationMs: number; reconnect: boolean; force: boolean };

export const pull: Tool = {
	name: 'pull',
	usage: USAGE,
	async run(argv, stop) {
		const options = readOptions(argv);
		const status = new StatusLine('millrace pull');
		const file = openFile(options);
		const enough = new AbortController();
		let reachedMs = 0;
		const input = new LiveInput(
			options.url,
			{ reconnect: options.reconnect, patienceMs: PATIENCE_MS, endsOrderly: true },
			{
				tag: (tag, facts) => {
					reachedMs = Math.max(reachedMs, tag.dtsMs);
					if (reachedMs >= options.durationMs) {
						enough.abort();
					} else {
						file.take(tag, facts);
					}
				},
				spliced: () => {
					file.splice();
					status.say(`connected again, going on at ${clockText(reachedMs)}`);
				},
				say: (text) => status.say(text),
			},
		);
		const over = new AbortController();
		const writing = keepWriting(file, over.signal, () => {
			status.show(() => `${clockText(reachedMs)}  ${sizeText(file.sizeBytes)}  ${options.output}`);
		});
		try {
			// A disk that is full is the end, too.
			await Promise.race([input.run(AbortSignal.any([stop, enough.signal])), writing]);
		} finally {
			over.abort();
			enough.abort();
			await writing;
			await file.finish();
			status.clear();
		}
		if (file.sizeBytes === 0) {
			throw new ToolError('nothing has come');
		}
		status.say(`${clockText(reachedMs)}, ${sizeText(file.sizeBytes)} in ${options.output}`);
		return ExitCode.done;
	},
};

async function keepWriting(file: PulledFile, over: AbortSignal, written: () => void): Promise<void> {
	while (!over.aborted) {
		await sleep(FLUSH_MS, undefined, { signal: over }).catch(() => undefined);
		await file.flush();
		written();
	}
}

function openFile({ output, force }: PullOptions): PulledFile {
	const flags = force ? 'w' : 'wx';
	return path.extname(output).toLowerCase() === '.mp4' ? new PulledMp4(output, flags) : new PulledFlv(output, flags);
}

function readOptions(argv: readonly string[]): PullOptions {
	const { values, positionals } = readToolArguments(argv, {
		duration: { type: 'string' },
		'no-reconnect': { type: 'boolean' },
		force: { type: 'boolean' },
	});
	const [url, output, ...rest] = positionals;
	if (url === undefined || output === undefined || rest.length > 0) {
		throw new UsageError('expected an address and a file');
	}
	if (!['.flv', '.mp4'].includes(path.extname(output).toLowerCase())) {
		throw new UsageError(`expected a file that ends in .flv or .mp4, got ${JSON.stringify(output)}`);
	}
	const force = values.force ?? false;
	if (!force && existsSync(output)) {
		throw new UsageError(`${output} is there already; --force replaces it`);
	}
	return {
		url: readUrl(url, STREAM_PROTOCOLS),
		output,
		durationMs:
			values.duration === undefined ? Number.POSITIVE_INFINITY : readNumber('--duration', values.duration, 0.1) * 1000,
		reconnect: !(values['no-reconnect'] ?? false),
		force,
	};
}

await runAsScript(pull, import.meta.url);
