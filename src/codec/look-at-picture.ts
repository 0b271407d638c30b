import { av1PictureKind } from './av1/picture.js';
import type { VideoCodec } from './codec-name.js';
import { nalPictureKind } from './nal-picture.js';
import { type PictureKind, pictureKindOf } from './picture-kind.js';
import { isVp8KeyFrame, isVp9KeyFrame } from './vp9/frame-header.js';

/**
 * Tells whether the frame `bytes[from, to)` has a picture, and whether decoding can start at it. The bytes of the frame decide.
 * `marked` says that the container calls it a keyframe, and counts where the bytes tell nothing. Cheap enough for every frame.
 */
export function lookAtPicture(
	codec: VideoCodec,
	bytes: Uint8Array,
	from: number,
	to: number,
	marked: boolean,
): PictureKind {
	switch (codec) {
		case 'h264':
		case 'h265':
		case 'h266':
			return nalPictureKind(codec, bytes, from, to, marked);
		case 'av1':
			return av1PictureKind(bytes, from, to, marked);
		case 'vp9':
			return pictureKindOf(isVp9KeyFrame(bytes, from, to) ?? marked);
		case 'vp8':
			return pictureKindOf(isVp8KeyFrame(bytes, from, to) ?? marked);
		default:
			return pictureKindOf(marked);
	}
}
