import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diagnose } from '#src/tools/diagnosis.js';
import { Examination } from '#src/tools/examination.js';
import { BAR_CLIP, loadClip } from '#src/tools/load/clip.js';
import { isKeyframe, type Tag, TagType } from '#src/tools/load/flv-scanner.js';

const CLIP = loadClip(BAR_CLIP);

function examine(tags: readonly Tag[]): Examination {
	const examination = new Examination();
	for (const { type, dtsMs, body } of tags) {
		examination.tag(type, dtsMs % 2 ** 32, body);
	}
	return examination;
}

/** The clip with its frames changed, or left out where `change` says null. */
function clipWith(change: (tag: Tag, index: number) => Tag | null, headers = CLIP.headers): Tag[] {
	return [...headers, ...CLIP.frames.map(change).filter((tag) => tag !== null)];
}

const video = ({ type }: Tag): boolean => type === TagType.video;

const DEFECTS: { name: string; tags: Tag[]; finding: RegExp; severity: 'fault' | 'advice' }[] = [
	{
		name: 'time that goes back',
		tags: clipWith((tag, index) => (index === 300 ? { ...tag, dtsMs: tag.dtsMs - 500 } : tag)),
		finding: /^Time goes back 1 times in the (audio|video)/,
		severity: 'fault',
	},
	{
		name: 'a hole in the picture',
		tags: clipWith((tag) => (video(tag) && tag.dtsMs > 2000 && tag.dtsMs < 4500 ? null : tag)),
		finding: /^The video has 1 gaps of more than a second, the longest 2\.\d s/,
		severity: 'fault',
	},
	{
		name: 'no keyframe',
		tags: clipWith((tag) => (isKeyframe(tag) ? null : tag)),
		finding: /^There is no keyframe/,
		severity: 'fault',
	},
	{
		name: 'a start within a group of pictures',
		tags: clipWith((tag) => (tag.dtsMs < 400 ? null : tag)),
		finding: /^\d+ pictures come before the first keyframe/,
		severity: 'fault',
	},
	{
		name: 'no sequence header',
		tags: clipWith(
			(tag) => tag,
			CLIP.headers.filter(({ type }) => type !== TagType.video),
		),
		finding:
			/^240 tags hold nothing that can be decoded: h264 without parameter sets, neither in a sequence header nor/,
		severity: 'fault',
	},
	{
		name: 'a damaged tag',
		tags: clipWith((tag, index) => (index === 100 ? { ...tag, type: TagType.video, body: Buffer.from([0x17]) } : tag)),
		finding: /^1 tags are damaged/,
		severity: 'fault',
	},
	{
		name: 'pictures at one and the same time',
		tags: clipWith((tag) => (video(tag) ? { ...tag, dtsMs: Math.floor(tag.dtsMs / 80) * 80 } : tag)),
		finding: /pictures have the time of the picture before/,
		severity: 'fault',
	},
	{
		name: 'keyframes too far apart',
		tags: clipWith((tag) => {
			const isLater = isKeyframe(tag) && tag.dtsMs > 1000 && tag.dtsMs < 7000;
			return isLater ? null : tag;
		}),
		finding: /^Keyframes are up to 7\.\d s apart/,
		severity: 'advice',
	},
	{
		name: 'sound that begins early',
		tags: clipWith((tag) => (video(tag) ? { ...tag, dtsMs: tag.dtsMs + 400 } : tag)),
		finding: /^The sound begins 4\d\d ms before the picture/,
		severity: 'advice',
	},
	{
		name: 'tracks that are not interleaved',
		tags: [...CLIP.headers, ...CLIP.frames.filter(video), ...CLIP.frames.filter((tag) => !video(tag))],
		finding: /^Sound and picture of one moment are up to 9\d\d\d ms apart/,
		severity: 'advice',
	},
	{ name: 'nothing', tags: [], finding: /^There are no frames/, severity: 'fault' },
];

describe('diagnosis', () => {
	it('finds nothing wrong with a good stream, and knows its figures', () => {
		const examination = examine(clipWith((tag) => tag));
		assert.deepEqual(diagnose(examination), []);
		const [picture, sound] = examination.tracks;
		assert.equal(picture?.config.codecString, 'avc1.64001e');
		assert.equal(picture?.frames, 240);
		assert.equal(picture?.usualStepMs, 40);
		assert.deepEqual(new Set(picture?.gopsMs), new Set([1920]));
		assert.ok(picture.reordered > 100);
		assert.equal(sound?.config.codecString, 'mp4a.40.2');
		assert.equal(sound?.frames, 450);
	});

	it('takes the wrap of 32-bit timestamps for what it is', () => {
		const late = clipWith((tag) => ({ ...tag, dtsMs: tag.dtsMs + 2 ** 32 - 5000 }));
		assert.deepEqual(diagnose(examine(late)), []);
	});

	for (const { name, tags, finding, severity } of DEFECTS) {
		it(`finds ${name}`, () => {
			const findings = diagnose(examine(tags));
			assert.ok(
				findings.some((found) => finding.test(found.text) && found.severity === severity),
				JSON.stringify(findings),
			);
		});
	}
});
