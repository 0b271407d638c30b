import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodedSoundOf } from '../codec/decoded-sound.js';
import { withoutCredentials } from '../protocol/credentials.js';
import type { SourceEnd } from '../relay/source.js';
import { diagnose, type Finding, offsetOf } from './diagnosis.js';
import { Examination } from './examination.js';
import { forEachTag } from './media-file.js';
import { examinePlaylist, type PlaylistReport } from './playlist-doctor.js';
import { StatusLine } from './status-line.js';
import { playStream } from './stream-source.js';
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
import type { TrackFigures } from './track-figures.js';

const USAGE = `Usage: millrace doctor FILE|URL [--duration SECONDS] [--json]

Looks at a file, a live stream or an HLS playlist, and says what it is and what is wrong with it.

  FILE        FLV, MP4, MPEG-TS or M3U8, told by what is in it
  URL         http, ws or rtmp address of a live stream, or an http address that ends in .m3u8
  --duration  how long a live stream or playlist is watched (10)
  --json      the same as one JSON object

The exit code is 1 when there is a fault.
`;

const DEFAULT_SECONDS = 10;
const PLAYLIST_START = '#EXTM3U';

type DoctorOptions = { subject: string; durationMs: number; json: boolean };
type Report = { subject: string; lines: string[]; findings: Finding[]; details: unknown };

export const doctor: Tool = {
	name: 'doctor',
	usage: USAGE,
	async run(argv, stop) {
		const options = readOptions(argv);
		const reports = await examine(options, stop);
		const hasFault = reports.some(({ findings }) => findings.some(({ severity }) => severity === 'fault'));
		if (options.json) {
			process.stdout.write(`${JSON.stringify(reports.map(({ lines, ...rest }) => rest))}\n`);
		} else {
			process.stdout.write(reports.map(reportText).join('\n'));
		}
		return hasFault ? ExitCode.failed : ExitCode.done;
	},
};

async function examine({ subject, durationMs }: DoctorOptions, stop: AbortSignal): Promise<Report[]> {
	if (!subject.includes('://')) {
		const isPlaylist = (await readStart(subject)) === PLAYLIST_START;
		if (isPlaylist) {
			const resolve = (base: string, uri: string): string => path.resolve(path.dirname(base), uri);
			return (await examinePlaylist(subject, resolve, (file) => readFile(file, 'utf8'), 0)).map(ofPlaylist);
		}
		const examination = new Examination();
		await forEachTag(subject, async ({ tagType, timestampMs, body }) => {
			if (!stop.aborted) {
				examination.tag(tagType, timestampMs, body);
			}
		});
		return [ofMedia(subject, examination)];
	}
	const url = readUrl(subject, STREAM_PROTOCOLS);
	if (/\.m3u8$/i.test(url.pathname)) {
		const resolve = (base: string, uri: string): string => new URL(uri, base).href;
		return (await examinePlaylist(url.href, resolve, (location) => fetchText(location, stop), durationMs)).map(
			ofPlaylist,
		);
	}
	return [ofMedia(withoutCredentials(subject), await watch(url, durationMs, stop))];
}

/** Watches a live stream. Throws ToolError when it cannot be had. */
async function watch(url: URL, durationMs: number, stop: AbortSignal): Promise<Examination> {
	const status = new StatusLine('millrace doctor');
	const examination = new Examination();
	const over = new AbortController();
	let end: SourceEnd | null = null;
	const source = playStream(url, {
		tag: (...tag) => {
			examination.tag(...tag);
			status.show(() => `watching ${withoutCredentials(url.href)}: ${examination.tags} tags`);
		},
		over: (given) => {
			end = given;
			over.abort();
		},
	});
	await sleep(durationMs, undefined, { signal: AbortSignal.any([stop, over.signal]) }).catch(() => undefined);
	source.close();
	status.clear();
	if (examination.tags === 0) {
		throw new ToolError(`${withoutCredentials(url.href)}: ${(end as SourceEnd | null)?.message ?? 'nothing has come'}`);
	}
	return examination;
}

async function readStart(file: string): Promise<string> {
	const handle = await open(file, 'r');
	try {
		const start = Buffer.alloc(PLAYLIST_START.length);
		await handle.read(start, 0, start.length, 0);
		return start.toString('latin1');
	} finally {
		await handle.close();
	}
}

async function fetchText(location: string, stop: AbortSignal): Promise<string> {
	const response = await fetch(location, { signal: stop }).catch((error: Error) => {
		throw new ToolError(
			`${withoutCredentials(location)}: ${error.cause instanceof Error ? error.cause.message : error.message}`,
		);
	});
	if (!response.ok) {
		throw new ToolError(`${withoutCredentials(location)}: the server answered ${response.status}`);
	}
	return response.text();
}

function ofPlaylist({ name, lines, findings }: PlaylistReport): Report {
	return { subject: withoutCredentials(name), lines, findings, details: lines };
}

function ofMedia(subject: string, examination: Examination): Report {
	const { tracks } = examination;
	const [video, audio] = [tracks.find(({ kind }) => kind === 'video'), tracks.find(({ kind }) => kind === 'audio')];
	const offset =
		video === undefined || audio === undefined
			? []
			: [`sound leads picture by ${Math.round(offsetOf(video, audio))} ms`];
	return {
		subject,
		lines: [...tracks.flatMap(trackLines), ...offset],
		findings: diagnose(examination),
		details: tracks.map(trackDetails),
	};
}

function trackDetails(track: TrackFigures): object {
	const { config, gopsMs, framesPerSecond, kbps, durationMs, ...figures } = track;
	const { record, ...known } = config;
	const gopMs = gopsMs.length === 0 ? null : { shortest: Math.min(...gopsMs), longest: Math.max(...gopsMs) };
	return { ...known, ...figures, framesPerSecond, kbps, durationMs, gopMs };
}

function trackLines(track: TrackFigures): string[] {
	const { config, frames, durationMs, kbps, gopsMs, keyframes, reordered, framesPerSecond } = track;
	const length = `${frames} frames, ${(durationMs / 1000).toFixed(2)} s, ${kbps.toFixed(0)} kbit/s`;
	if (config.kind === 'audio') {
		const { sampleRate, channels } = decodedSoundOf(config);
		return [
			`audio  ${config.codec} (${config.codecString}), ${sampleRate} Hz, ${channels} channels`,
			`       ${length}`,
		];
	}
	const seconds = gopsMs.map((ms) => ms / 1000);
	const mean = seconds.reduce((sum, gop) => sum + gop, 0) / Math.max(1, seconds.length);
	const gops =
		seconds.length === 0
			? `${keyframes} keyframes`
			: `${keyframes} keyframes, ${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)} s apart (mean ${mean.toFixed(2)})`;
	return [
		`video  ${config.codec} (${config.codecString}), ${config.width}x${config.height}, ${framesPerSecond.toFixed(2)} frames/s`,
		`       ${length}`,
		`       ${gops}, ${reordered > 0 ? 'with' : 'no'} B-frames`,
	];
}

function reportText({ subject, lines, findings }: Report): string {
	const found = findings.map(({ severity, text }) => `  ${severity === 'fault' ? 'FAULT ' : 'advice'}  ${text}`);
	const verdict = findings.length === 0 ? ['  All is well.'] : found;
	return `${[subject, ...lines.map((line) => `  ${line}`), ...verdict].join('\n')}\n`;
}

function readOptions(argv: readonly string[]): DoctorOptions {
	const { values, positionals } = readToolArguments(argv, { duration: { type: 'string' }, json: { type: 'boolean' } });
	const [subject, ...rest] = positionals;
	if (subject === undefined || rest.length > 0) {
		throw new UsageError('expected one file or address');
	}
	const seconds = values.duration === undefined ? DEFAULT_SECONDS : readNumber('--duration', values.duration, 0.1);
	return { subject, durationMs: seconds * 1000, json: values.json ?? false };
}

await runAsScript(doctor, import.meta.url);
