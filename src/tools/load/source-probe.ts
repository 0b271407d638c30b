import { type Tag, TagType } from './flv-scanner.js';
import { Viewer } from './viewer.js';

/** The figures of a stream by its own clock. Its viewers are held against them. */
export type SourceFigures = { kbps: number; stepMs: Record<number, number> };

const LOOK_MS = 20;
const GIVE_UP_MS = 20_000;
/** Tag header and PreviousTagSize. */
const TAG_OVERHEAD_BYTES = 15;

/** Watches `url` until `spanMs` of its time have come. Throws Error when it cannot be watched. */
export async function probeSource(url: URL, spanMs: number): Promise<SourceFigures> {
	const times = new Map<number, number[]>();
	let bytes = 0;
	let [firstMs, lastMs] = [Number.NaN, Number.NaN];
	const onTag = (tag: Tag): void => {
		if (tag.type === TagType.script || !viewer.check.hasKeyframe) {
			return;
		}
		firstMs = Number.isNaN(firstMs) ? tag.dtsMs : firstMs;
		lastMs = tag.dtsMs;
		bytes += tag.body.length + TAG_OVERHEAD_BYTES;
		times.set(tag.type, [...(times.get(tag.type) ?? []), tag.dtsMs]);
	};
	const viewer: Viewer = new Viewer({ url, checked: true, stepMs: {}, onTag });
	const deadlineMs = performance.now() + GIVE_UP_MS;
	while (!(lastMs - firstMs >= spanMs) && viewer.failure === null && performance.now() < deadlineMs) {
		await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
	}
	viewer.close();
	if (!(lastMs - firstMs >= spanMs)) {
		throw new Error(viewer.failure ?? `no ${spanMs / 1000} s of media within ${GIVE_UP_MS / 1000} s`);
	}
	const stepMs = Object.fromEntries(
		[...times].map(([type, list]) => [type, (list.at(-1)! - list[0]!) / (list.length - 1)]),
	);
	return { kbps: Math.round((bytes * 8) / (lastMs - firstMs)), stepMs };
}
