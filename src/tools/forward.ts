import { StreamHeaders } from '../relay/media-tag.js';
import { ForwardTarget } from './forward-target.js';
import { LiveInput } from './live-input.js';
import { clockText, StatusLine, sizeText } from './status-line.js';
import { ExitCode, readToolArguments, readUrl, runAsScript, STREAM_PROTOCOLS, type Tool, UsageError } from './tool.js';

const USAGE = `Usage: millrace forward SOURCE TARGET...

Plays a live stream and publishes it to one or more servers, until Ctrl-C. Both sides are connected again when they are
lost; a target that is slow or gone holds up no other.

  SOURCE   http://HOST:8501/app/name.flv, ws://HOST:8501/app/name.flv or rtmp://HOST/app/name (https, wss, rtmps)
  TARGET   http://HOST:8501/app/name, ws://HOST:8501/app/name or rtmp://HOST/app/name (https, wss, rtmps)

A source that is not there at the start is the end (exit code 1).
`;

export const forward: Tool = {
	name: 'forward',
	usage: USAGE,
	async run(argv, stop) {
		const [source, ...targets] = readUrls(argv);
		if (source === undefined || targets.length === 0) {
			throw new UsageError('expected a source and at least one target');
		}
		const status = new StatusLine('millrace forward');
		const say = (text: string): void => status.say(text);
		const headers = new StreamHeaders();
		const outputs = targets.map((url) => new ForwardTarget(url, headers, say));
		const over = new AbortController();
		const input = new LiveInput(
			source,
			{ reconnect: true, patienceMs: Number.POSITIVE_INFINITY, endsOrderly: false },
			{
				tag: (tag, facts) => {
					headers.note(tag, facts);
					for (const output of outputs) {
						output.take(tag, facts);
					}
					status.show(() => `${clockText(tag.dtsMs)}  ${outputs.map(outputText).join('  ')}`);
				},
				spliced: () => say('the source is back'),
				say: (text) => say(`source: ${text}`),
			},
		);
		const running = outputs.map((output) => output.run(over.signal));
		try {
			await input.run(stop);
		} finally {
			over.abort();
			await Promise.all(running);
			status.clear();
		}
		return ExitCode.done;
	},
};

function outputText({ url, sentBytes, skips }: ForwardTarget): string {
	return `${url.host} ${sizeText(sentBytes)}${skips > 0 ? `, ${skips} skips` : ''}`;
}

function readUrls(argv: readonly string[]): URL[] {
	return readToolArguments(argv, {}).positionals.map((text) => readUrl(text, STREAM_PROTOCOLS));
}

await runAsScript(forward, import.meta.url);
