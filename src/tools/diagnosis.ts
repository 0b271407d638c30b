import type { Examination } from './examination.js';
import type { TrackFigures } from './track-figures.js';

/** Something that the owner of a stream should know. A `fault` breaks playback somewhere; `advice` is about doing better. */
export type Finding = { severity: 'fault' | 'advice'; text: string };

const LONG_GOP_MS = 4000;
const LONGEST_GOP_MS = 10_000;
/** From this offset on, people notice a gap between lips and voice. */
const OFFSET_MS = 100;
const WIDE_INTERLEAVE_MS = 1000;
/** Plays in every browser. */
const PLAYS_EVERYWHERE = ['h264', 'aac', 'mp3'];

/** Tells the faults of a stream in plain words. Faults come first. */
export function diagnose(examination: Examination): Finding[] {
	const { tracks, skipped, unreadableTags, widestInterleaveMs } = examination;
	const findings: Finding[] = [];
	const find = (severity: Finding['severity'], when: boolean, text: string): void => {
		if (when) {
			findings.push({ severity, text });
		}
	};
	find(
		'fault',
		tracks.every(({ frames }) => frames === 0),
		'There are no frames: neither sound nor picture.',
	);
	find('fault', unreadableTags > 0, `${unreadableTags} tags are damaged: too short for what they say they are.`);
	find('fault', skipped.tags > 0, `${skipped.tags} tags hold nothing that can be decoded: ${skipped.reason}.`);
	for (const track of tracks) {
		aboutTime(track, find);
		aboutCodec(track, find);
		if (track.kind === 'video') {
			aboutPictures(track, find);
		}
	}
	const [video, audio] = [tracks.find(({ kind }) => kind === 'video'), tracks.find(({ kind }) => kind === 'audio')];
	if (video !== undefined && audio !== undefined && video.frames > 0 && audio.frames > 0) {
		const offsetMs = offsetOf(video, audio);
		const side = offsetMs > 0 ? 'before' : 'after';
		find(
			'advice',
			Math.abs(offsetMs) > OFFSET_MS,
			`The sound begins ${Math.abs(Math.round(offsetMs))} ms ${side} the picture: if lips and voice do not match, correct the encoder's audio delay.`,
		);
		find(
			'advice',
			widestInterleaveMs > WIDE_INTERLEAVE_MS,
			`Sound and picture of one moment are up to ${Math.round(widestInterleaveMs)} ms apart: live players have to buffer that much. Remux it with its tracks interleaved.`,
		);
	}
	return findings.sort((a, b) => b.severity.localeCompare(a.severity));
}

/** By how much the picture begins later than the sound, in ms. */
export function offsetOf(video: TrackFigures, audio: TrackFigures): number {
	return video.firstPtsMs - audio.firstPtsMs;
}

type Find = (severity: Finding['severity'], when: boolean, text: string) => void;

function aboutTime(track: TrackFigures, find: Find): void {
	const { kind, backwardSteps, gaps, largestGapMs, repeatedTimes, frames } = track;
	find(
		'fault',
		backwardSteps > 0,
		`Time goes back ${backwardSteps} times in the ${kind}: players stall or skip there.`,
	);
	find(
		'fault',
		gaps > 0,
		`The ${kind} has ${gaps} gaps of more than a second, the longest ${(largestGapMs / 1000).toFixed(1)} s: frames were lost, or the clock jumped.`,
	);
	find(
		'fault',
		kind === 'video' && repeatedTimes > 0,
		`${repeatedTimes} of ${frames} pictures have the time of the picture before: it is shown for no time at all.`,
	);
}

function aboutCodec({ kind, config, changes }: TrackFigures, find: Find): void {
	find(
		'advice',
		!PLAYS_EVERYWHERE.includes(config.codec),
		`The ${kind} is ${config.codec} (${config.codecString}), which not every player has; H.264 and AAC play everywhere.`,
	);
	find('advice', changes > 0, `The ${kind} configuration changes ${changes} times: some players do not follow that.`);
}

function aboutPictures(track: TrackFigures, find: Find): void {
	const { keyframes, gopsMs, framesBeforeKeyframe, frames, shownBeforeDecoded } = track;
	const longestMs = Math.max(0, ...gopsMs);
	find('fault', keyframes === 0 && frames > 0, 'There is no keyframe: nobody can start to watch.');
	find(
		'fault',
		keyframes > 0 && framesBeforeKeyframe > 0,
		`${framesBeforeKeyframe} pictures come before the first keyframe and cannot be shown.`,
	);
	find('fault', shownBeforeDecoded > 0, `${shownBeforeDecoded} pictures are to be shown before they are decoded.`);
	const seconds = (longestMs / 1000).toFixed(1);
	find(
		longestMs > LONGEST_GOP_MS ? 'fault' : 'advice',
		longestMs > LONG_GOP_MS,
		`Keyframes are up to ${seconds} s apart: viewers wait that long to start, and segments are that long. Set a keyframe interval of 2 s.`,
	);
}
