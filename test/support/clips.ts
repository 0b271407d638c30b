import { Clip } from '#src/tools/load/clip.js';
import { type Tag, TagType } from '#src/tools/load/flv-scanner.js';

/** FLV bodies: H.264 frame type and codec, packet type, composition time, then the bytes of a frame. */
const AVC_KEYFRAME = Buffer.from('1701000000', 'hex');
const AVC_INTER = Buffer.from('2701000000', 'hex');
const AAC_FRAME = Buffer.from('af01', 'hex');
const NAL_KEYFRAME = 0x65;
const NAL_INTER = 0x41;

/** A clip with another H.264 sequence header (a different level) but the same AAC one: an encoder with changed settings. */
export function withOtherVideoHeader(clip: Clip): Clip {
	const headers = clip.headers.map((tag) => {
		if (tag.type !== TagType.video) {
			return tag;
		}
		const body = Buffer.from(tag.body);
		// AVCLevelIndication, after 5 bytes of FLV and configurationVersion, AVCProfileIndication, profile_compatibility.
		body[8] = body[8]! + 1;
		return { ...tag, body };
	});
	return new Clip(clip.frames, headers);
}

/** A clip of two seconds with frames of zeros at `kbps`, a keyframe a second, under the sequence headers of `like`: to fill buffers. */
export function heavyClip(like: Clip, kbps: number): Clip {
	const frameBytes = Math.round((kbps * 1000) / 8 / 25);
	const frames: Tag[] = [];
	for (let n = 0; n < 50; n++) {
		const nal = Buffer.alloc(frameBytes);
		nal.writeUInt32BE(frameBytes - 4);
		nal[4] = n % 25 === 0 ? NAL_KEYFRAME : NAL_INTER;
		const body = Buffer.concat([n % 25 === 0 ? AVC_KEYFRAME : AVC_INTER, nal]);
		frames.push({ type: TagType.video, dtsMs: n * 40, body });
		frames.push({ type: TagType.audio, dtsMs: n * 40, body: Buffer.concat([AAC_FRAME, Buffer.alloc(40)]) });
	}
	return new Clip(frames, like.headers);
}

/** The same clip with every time shifted by `offsetMs`. */
export function shifted(clip: Clip, offsetMs: number): Clip {
	const shift = (tag: Tag): Tag => ({ ...tag, dtsMs: tag.dtsMs + offsetMs });
	return new Clip(clip.frames.map(shift), clip.headers.map(shift));
}
