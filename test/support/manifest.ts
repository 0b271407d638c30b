import assert from 'node:assert/strict';

export type MpdSegment = { number: number; startTicks: number; durationTicks: number };
export type MpdTrack = {
	kind: string;
	codec: string;
	timescale: number;
	presentationTimeOffset: number;
	availabilityTimeOffset: number;
	initialization: string;
	media: string;
	segments: MpdSegment[];
	/** The values of ProducerReferenceTime. */
	reference: { wallClockMs: number; ticks: number } | null;
};
export type MpdPeriod = { id: string; startSeconds: number; tracks: MpdTrack[] };
export type Mpd = {
	attributes: Record<string, string>;
	availabilityStartMs: number;
	latencyMs: number;
	periods: MpdPeriod[];
};

/** Reads a manifest as a player does, without looking at how ours is made. */
export function parseMpd(text: string): Mpd {
	assert.match(text, /^<\?xml version="1.0" encoding="UTF-8"\?>\n<MPD /);
	const attributes = attributesOf(/<MPD ([^>]*)>/.exec(text)?.[1] ?? '');
	return {
		attributes,
		availabilityStartMs: Date.parse(attributes['availabilityStartTime'] ?? ''),
		latencyMs: Number(/<Latency [^>]*target="(\d+)"/.exec(text)?.[1] ?? Number.NaN),
		periods: blocks(text, 'Period').map(({ head, body }) => ({
			id: head['id']!,
			startSeconds: seconds(head['start']!),
			tracks: blocks(body, 'AdaptationSet').map((set) => readTrack(set.head, set.body)),
		})),
	};
}

/** xs:duration of seconds. */
export function seconds(duration: string): number {
	return Number(/^PT(\d+(?:\.\d+)?)S$/.exec(duration)?.[1]);
}

/** When a segment's first sample is presented, in seconds since availabilityStartTime. */
export function presentationSeconds(period: MpdPeriod, track: MpdTrack, segment: MpdSegment): number {
	return period.startSeconds + (segment.startTicks - track.presentationTimeOffset) / track.timescale;
}

export function segmentUri(track: MpdTrack, { number }: MpdSegment): string {
	return track.media.replace('$Number$', String(number));
}

function readTrack(head: Record<string, string>, body: string): MpdTrack {
	const template = attributesOf(/<SegmentTemplate ([^>]*)>/.exec(body)?.[1] ?? '');
	const reference = /<ProducerReferenceTime ([^>]*)\/>/.exec(body)?.[1];
	const at = reference === undefined ? null : attributesOf(reference);
	const segments: MpdSegment[] = [];
	let number = Number(template['startNumber']);
	let startTicks = 0;
	for (const [, text = ''] of body.matchAll(/<S ([^>]*)\/>/g)) {
		const { t, d, r = '0' } = attributesOf(text);
		startTicks = t === undefined ? startTicks : Number(t);
		for (let repeat = 0; repeat <= Number(r); repeat++) {
			segments.push({ number: number++, startTicks, durationTicks: Number(d) });
			startTicks += Number(d);
		}
	}
	return {
		kind: head['contentType']!,
		codec: /codecs="([^"]*)"/.exec(body)?.[1] ?? '',
		timescale: Number(template['timescale']),
		presentationTimeOffset: Number(template['presentationTimeOffset']),
		availabilityTimeOffset: Number(template['availabilityTimeOffset'] ?? 0),
		initialization: template['initialization']!,
		media: template['media']!,
		segments,
		reference:
			at === null ? null : { wallClockMs: Date.parse(at['wallClockTime']!), ticks: Number(at['presentationTime']) },
	};
}

function blocks(text: string, name: string): { head: Record<string, string>; body: string }[] {
	const pattern = new RegExp(`<${name} ([^>]*)>([^]*?)</${name}>`, 'g');
	return [...text.matchAll(pattern)].map(([, head = '', body = '']) => ({ head: attributesOf(head), body }));
}

function attributesOf(text: string): Record<string, string> {
	return Object.fromEntries([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!]));
}

/** Holds one live manifest after the other to what must not change, and to what must not go back. */
export class MpdChecker {
	readonly violations: string[] = [];
	reloads = 0;
	#last: Mpd | null = null;
	/** Segments that are complete never change again. */
	readonly #complete = new Map<string, string>();

	see(text: string): Mpd {
		const mpd = parseMpd(text);
		const last = this.#last;
		this.reloads++;
		this.#last = mpd;
		this.#expect(
			mpd.availabilityStartMs === (last?.availabilityStartMs ?? mpd.availabilityStartMs),
			'another start time',
		);
		this.#expect(mpd.attributes['publishTime']! >= (last?.attributes['publishTime'] ?? ''), 'published earlier');
		this.#expect(mpd.attributes['type'] === 'dynamic', 'not dynamic');
		let periodStart = -1;
		for (const [index, period] of mpd.periods.entries()) {
			const before = last?.periods.find(({ id }) => id === period.id);
			this.#expect(
				before === undefined || before.startSeconds === period.startSeconds,
				`${period.id} starts elsewhere`,
			);
			this.#expect(period.startSeconds > periodStart, `${period.id} starts before the period before it`);
			periodStart = period.startSeconds;
			for (const track of period.tracks) {
				this.#checkTrack(period, track, index === mpd.periods.length - 1);
			}
		}
		return mpd;
	}

	#checkTrack(period: MpdPeriod, track: MpdTrack, isLast: boolean): void {
		const { segments, kind } = track;
		for (const [index, { number, startTicks, durationTicks }] of segments.entries()) {
			const before = segments[index - 1];
			const end = before === undefined ? startTicks : before.startTicks + before.durationTicks;
			this.#expect(startTicks >= end, `${kind} ${number} begins ${end - startTicks} ticks before ${number - 1} ends`);
			this.#expect(durationTicks > 0, `${kind} ${number} has no length`);
			// The last two are what is expected.
			if (!isLast || index < segments.length - 2) {
				const key = `${kind} ${number}`;
				const said = `${period.id} ${startTicks} ${durationTicks}`;
				this.#expect((this.#complete.get(key) ?? said) === said, `${key} was ${this.#complete.get(key)}, is ${said}`);
				this.#complete.set(key, said);
			}
		}
	}

	#expect(holds: boolean, violation: string): void {
		if (!holds) {
			this.violations.push(`reload ${this.reloads}: ${violation}`);
		}
	}
}
