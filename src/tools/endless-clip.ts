import { copyOf, type KeptBytes } from '../bytes/kept.js';
import { classifyAudio, classifyVideo } from '../container/flv/classify.js';
import { FlvReader } from '../container/flv/reader.js';
import { MAX_TAG_BODY_BYTES, TagType } from '../container/flv/tag.js';

/** One tag of an FLV stream. All turns of the clip share the body. */
export type ClipTag = { tagType: number; timestampMs: number; body: KeptBytes };

/** An FLV file of H.264 and AAC, in memory, that can be sent for ever: time goes on from turn to turn. */
export class EndlessClip {
	/** Sequence headers, at time 0. */
	readonly headers: readonly ClipTag[];
	/** Length of one turn: until one frame after the last picture. */
	readonly turnMs: number;
	readonly #frames: readonly ClipTag[];

	/** Parses a whole file. Throws PeerError when it is no FLV, RangeError when it has not two pictures at least. */
	constructor(file: Uint8Array) {
		const headers: ClipTag[] = [];
		const frames: ClipTag[] = [];
		const reader = new FlvReader(
			{
				tag: (tagType, timestampMs, body) => {
					const role = roleOf(tagType, body);
					if (role === 'sequenceHeader') {
						headers.push({ tagType, timestampMs: 0, body: copyOf(body) });
					} else if (role === 'frame') {
						frames.push({ tagType, timestampMs, body: copyOf(body) });
					}
				},
			},
			MAX_TAG_BODY_BYTES,
		);
		reader.push(file);
		const pictures = frames.filter((frame) => frame.tagType === TagType.video);
		const [first, last] = [pictures[0], pictures.at(-1)];
		if (first === undefined || last === undefined || first === last) {
			throw new RangeError('a clip needs two pictures or more');
		}
		const lengthMs = last.timestampMs - first.timestampMs;
		this.turnMs = lengthMs + Math.round(lengthMs / (pictures.length - 1));
		this.headers = headers;
		// Sound that reaches over the end of the picture belongs to the start of the next turn: time never goes back.
		this.#frames = frames
			.map((frame) => ({ ...frame, timestampMs: (frame.timestampMs - first.timestampMs) % this.turnMs }))
			.sort((a, b) => a.timestampMs - b.timestampMs);
	}

	/** Frame number `index`, of all that there will ever be. */
	frame(index: number): ClipTag {
		const frame = this.#frames[index % this.#frames.length]!;
		const turn = Math.floor(index / this.#frames.length);
		return { ...frame, timestampMs: frame.timestampMs + turn * this.turnMs };
	}
}

function roleOf(tagType: number, body: Uint8Array): string | null {
	if (tagType === TagType.video) {
		return classifyVideo(body).role;
	}
	return tagType === TagType.audio ? classifyAudio(body).role : null;
}
