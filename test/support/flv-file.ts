import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type AmfValue, amfEntries, amfProperty } from '#src/codec/amf-value.js';
import { parseAmf0 } from '#src/codec/amf0.js';
import { FlvReader } from '#src/container/flv/reader.js';
import { TagType } from '#src/container/flv/tag.js';

export type FlvFileTag = { type: number; timeMs: number; position: number; body: Buffer };
export type FlvFile = {
	sizeBytes: number;
	hasAudio: boolean;
	hasVideo: boolean;
	metadata: Record<string, AmfValue>;
	/** Every value of the metadata tag after the metadata. */
	padding: AmfValue[];
	keyframes: { timesMs: number[]; positions: number[] } | null;
	/** Tags but the first, which is the metadata. */
	tags: FlvFileTag[];
};

/** Reads an FLV file strictly: every byte belongs to a tag, and every tag says so again behind it. */
export function readFlvFile(file: string): FlvFile {
	const bytes = readFileSync(file);
	let position = 13;
	const tags: FlvFileTag[] = [];
	let header = { hasAudio: false, hasVideo: false };
	const reader = new FlvReader(
		{
			header: (given) => {
				header = given;
			},
			tag: (type, timeMs, body) => {
				assert.equal(bytes.readUInt32BE(position + 11 + body.length), 11 + body.length, 'PreviousTagSize');
				tags.push({ type, timeMs, position, body: Buffer.from(body) });
				position += 15 + body.length;
			},
		},
		0xffffff,
	);
	reader.push(bytes);
	assert.equal(position, bytes.length, 'the file ends with a whole tag');
	const script = tags.shift();
	assert.equal(script?.type, TagType.script);
	const [name, metadata, ...padding] = parseAmf0(script.body);
	assert.equal(name, 'onMetaData');
	const keyframes = amfProperty(metadata, 'keyframes');
	return {
		sizeBytes: bytes.length,
		...header,
		metadata: Object.fromEntries(amfEntries(metadata)),
		padding,
		keyframes:
			keyframes === undefined
				? null
				: {
						timesMs: (amfProperty(keyframes, 'times') as number[]).map((seconds) => Math.round(seconds * 1000)),
						positions: amfProperty(keyframes, 'filepositions') as number[],
					},
		tags,
	};
}
