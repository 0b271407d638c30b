import type { FileTag } from '../relay/media-tag.js';
import { factsOf, type MediaTag, StreamHeaders } from '../relay/media-tag.js';
import { openTarget, type StreamTarget } from '../relay/open-target.js';
import { Timeline } from '../stream/publish/timeline.js';
import { forEachTag } from './media-file.js';
import { Pace } from './pace.js';
import { RetryDelay } from './retry-delay.js';
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

const USAGE = `Usage: millrace push FILE URL [SPEED] [--loop] [--no-reconnect]

Publishes an FLV, MP4 or MPEG-TS file as a live stream, at its own pace. When the connection is lost it is made anew, and
the stream goes on where it was.

  FILE            FLV, MP4 (fragmented or not) or MPEG-TS; frames are sent as they are
  URL             http://HOST:8501/app/name, ws://HOST:8501/app/name or rtmp://HOST/app/name (https, wss, rtmps)
  SPEED           0.1 to 10 times real time (1)
  --loop          starts again at the end of the file; time goes on
  --no-reconnect  a lost connection is the end (exit code 1)

A first connection that fails is always the end. Ctrl-C ends the stream in order.
`;

type PushOptions = { file: string; url: URL; speed: number; loop: boolean; reconnect: boolean };

/** Publishes one file. */
class Push {
	readonly #options: PushOptions;
	readonly #stop: AbortSignal;
	readonly #status = new StatusLine('millrace push');
	readonly #pace: Pace;
	readonly #retry = new RetryDelay();
	readonly #headers = new StreamHeaders();
	#timeline = new Timeline('full', null);
	#target: StreamTarget | null = null;
	#frames = 0;
	#sentBytes = 0;

	constructor(options: PushOptions, stop: AbortSignal) {
		this.#options = options;
		this.#stop = stop;
		this.#pace = new Pace(options.speed);
	}

	async run(): Promise<void> {
		const { file, url, loop } = this.#options;
		try {
			do {
				const framesBefore = this.#frames;
				await forEachTag(file, (tag) => this.#take(tag));
				if (this.#frames === framesBefore && !this.#stop.aborted) {
					throw new ToolError(`${file} holds no frames`);
				}
				this.#timeline = new Timeline('full', this.#timeline.latestMs);
			} while (loop && !this.#stop.aborted);
			await this.#target?.finish();
			const sent = `${clockText(this.#timeline.latestMs)}, ${this.#frames} frames, ${sizeText(this.#sentBytes)}`;
			this.#status.say(`sent ${sent} to ${url.host}`);
		} finally {
			this.#target?.close();
			this.#status.clear();
		}
	}

	async #take({ tagType, timestampMs, body }: FileTag): Promise<void> {
		if (this.#stop.aborted) {
			return;
		}
		const facts = factsOf(tagType, body);
		const isFrame = facts !== null && facts.role === 'frame';
		const dtsMs = isFrame
			? this.#timeline.frame(facts.kind, facts.trackId, timestampMs)
			: this.#timeline.aside(timestampMs, facts?.kind, facts?.trackId);
		const tag: MediaTag = { tagType, dtsMs, body };
		const isHeader = this.#headers.note(tag, facts);
		if (facts?.role === 'sequenceEnd') {
			return; // would end the track for good: the file may be looped, and the end of the stream says the same
		}
		if (isFrame) {
			await this.#pace.until(dtsMs, this.#stop);
			this.#frames++;
		}
		// Headers that come before there is a connection are sent when there is one.
		if (this.#target !== null || !isHeader) {
			await this.#send(tag);
		}
		this.#status.show(() => `${clockText(dtsMs)}  ${sizeText(this.#sentBytes)} to ${this.#options.url.host}`);
	}

	async #send(tag: MediaTag): Promise<void> {
		if (this.#target === null || this.#target.failure !== null) {
			this.#target = await this.#connect(tag.dtsMs);
		}
		if (this.#target !== null) {
			this.#target.write(tag);
			this.#sentBytes += tag.body.length;
			await this.#target.drained();
		}
	}

	/** @returns null when the user wants no more. */
	async #connect(dtsMs: number): Promise<StreamTarget | null> {
		const lost = this.#target?.failure;
		for (let error = lost ?? null; !this.#stop.aborted; ) {
			if (error !== null) {
				if (!this.#options.reconnect) {
					throw new ToolError(`connection lost: ${error.message}`);
				}
				this.#status.say(`${error.message}; connecting again`);
				await this.#retry.wait(this.#stop);
			}
			try {
				const target = await openTarget(this.#options.url);
				for (const header of this.#headers.at(dtsMs)) {
					target.write(header);
				}
				if (lost != null) {
					this.#status.say(`connected again, going on at ${clockText(dtsMs)}`);
				}
				this.#retry.reset();
				this.#pace.halt();
				return target;
			} catch (failure) {
				if (lost === undefined || !(failure instanceof Error)) {
					throw failure;
				}
				error = failure;
			}
		}
		return null;
	}
}

export const push: Tool = {
	name: 'push',
	usage: USAGE,
	async run(argv, stop) {
		await new Push(readOptions(argv), stop).run();
		return ExitCode.done;
	},
};

function readOptions(argv: readonly string[]): PushOptions {
	const { values, positionals } = readToolArguments(argv, {
		loop: { type: 'boolean' },
		'no-reconnect': { type: 'boolean' },
	});
	const [file, url, speed = '1', ...rest] = positionals;
	if (file === undefined || url === undefined || rest.length > 0) {
		throw new UsageError('expected a file and an address');
	}
	return {
		file,
		url: readUrl(url, STREAM_PROTOCOLS),
		speed: readNumber('speed', speed, 0.1, 10),
		loop: values.loop ?? false,
		reconnect: !(values['no-reconnect'] ?? false),
	};
}

await runAsScript(push, import.meta.url);
