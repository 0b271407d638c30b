/** A frame may have no picture, one that refers to others, or one that decoding can start at. */
export const PictureKind = { none: 0, inter: 1, key: 2 } as const;
export type PictureKind = (typeof PictureKind)[keyof typeof PictureKind];

export function pictureKindOf(isKey: boolean): PictureKind {
	return isKey ? PictureKind.key : PictureKind.inter;
}
