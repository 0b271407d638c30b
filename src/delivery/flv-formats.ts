import { buildFileHeader } from '../container/flv/writer.js';
import { CHUNK_ROOM, chunk, chunkInPlace, LAST_CHUNK } from '../protocol/httpflv/chunked.js';
import { binaryFrame, binaryFrameInPlace, FRAME_ROOM } from '../protocol/wsflv/framing.js';
import type { RecordBatch } from '../ring/ring-reader.js';
import { headerBatch } from '../stream/play/play-headers.js';
import type { StreamStart, WireFormat } from '../stream/play/subscriber.js';

const NOTHING = Buffer.alloc(0);

/** FLV as it is, for a response that ends with its connection (HTTP/1.0). */
export const flvFormat: WireFormat = {
	key: 'flv',
	encodeBatch: (batch) => batch.bytes,
	encodeStart: flvStart,
	encodeEnd: () => NOTHING,
};

/** FLV in HTTP/1.1 chunks, one for each batch. */
export const flvChunkedFormat: WireFormat = {
	key: 'flv-chunked',
	room: CHUNK_ROOM,
	encodeBatch: (batch) => (hasRoom(batch, CHUNK_ROOM) ? chunkInPlace(batch.bytes) : chunk(batch.bytes)),
	encodeStart: (start) => chunk(flvStart(start)),
	encodeEnd: () => LAST_CHUNK,
};

/** FLV in WebSocket messages, one for each batch. The owner of the WebSocket sends the close frame. */
export const flvWebSocketFormat: WireFormat = {
	key: 'flv-ws',
	room: FRAME_ROOM,
	encodeBatch: (batch) => (hasRoom(batch, FRAME_ROOM) ? binaryFrameInPlace(batch.bytes) : binaryFrame(batch.bytes)),
	encodeStart: (start) => binaryFrame(flvStart(start)),
	encodeEnd: () => NOTHING,
};

function flvStart({ hasAudio, hasVideo, headers, dtsMs }: StreamStart): Buffer {
	return Buffer.concat([buildFileHeader(hasAudio, hasVideo), headerBatch(headers, dtsMs).bytes]);
}

function hasRoom({ room }: RecordBatch, wanted: RecordBatch['room']): boolean {
	return room.before >= wanted.before && room.after >= wanted.after;
}
