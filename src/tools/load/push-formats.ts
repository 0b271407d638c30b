// Spec: RFC 9112, section 7.1 (chunks); RFC 6455, section 5.2 (frames); Adobe RTMP 1.0, section 7.1.

import { encodeAmf } from './amf0.js';
import { encodeTag, FLV_HEADER, type Tag, TagType } from './flv-scanner.js';
import { encodeMessage } from './rtmp-chunks.js';
import { OUT_CHUNK_BYTES } from './rtmp-client.js';

const MEDIA_CSID = 6;

/** The form of tags on the wire of one kind of push. The results may be written to many sockets. */
export type PushFormat = {
	/** Encodes the bytes before the first tag. */
	encodeStart(): Buffer;
	encodeTag(tag: Tag): Buffer;
};

export const httpPush: PushFormat = {
	encodeStart: () => encodeChunk(FLV_HEADER),
	encodeTag: (tag) => encodeChunk(encodeTag(tag)),
};

export const webSocketPush: PushFormat = {
	encodeStart: () => encodeFrame(FLV_HEADER),
	encodeTag: (tag) => encodeFrame(encodeTag(tag)),
};

/** For the message stream that createStream gave out. */
export function rtmpPush(streamId: number): PushFormat {
	return {
		encodeStart: () => Buffer.alloc(0),
		encodeTag: (tag) => {
			const body = tag.type === TagType.script ? Buffer.concat([encodeAmf(['@setDataFrame']), tag.body]) : tag.body;
			const timestampMs = tag.dtsMs % 2 ** 32;
			return encodeMessage({ type: tag.type, timestampMs, streamId, body }, MEDIA_CSID, OUT_CHUNK_BYTES);
		},
	};
}

function encodeChunk(bytes: Buffer): Buffer {
	return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

/** One binary frame with a mask of zeros: masked as a client must, and the payload stays as it is. */
function encodeFrame(bytes: Buffer): Buffer {
	const long = bytes.length > 0xffff;
	const header = Buffer.alloc((long ? 10 : 4) + 4);
	header[0] = 0x82;
	header[1] = 0x80 | (long ? 127 : 126);
	if (long) {
		header.writeBigUInt64BE(BigInt(bytes.length), 2);
	} else {
		header.writeUInt16BE(bytes.length, 2);
	}
	return Buffer.concat([header, bytes]);
}
