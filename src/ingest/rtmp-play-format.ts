// Spec: RTMP 1.0, sections 5.3.1 (Chunk Format) and 7.1 (Types of Messages); FLV 10.1, section E.4.1 (FLV Tag)

import { PREVIOUS_TAG_SIZE_BYTES, TAG_HEADER_BYTES } from '../container/flv/tag.js';
import { messageWireBytes, serializeMessage, writeMessage } from '../protocol/rtmp/chunk-writer.js';
import { onStatusBody } from '../protocol/rtmp/commands.js';
import { ChunkStreamId, MessageType, UserControlEvent, userControlBody } from '../protocol/rtmp/message.js';
import { RecordKind } from '../ring/layout.js';
import type { RecordBatch } from '../ring/ring-reader.js';
import { headerBatch } from '../stream/play/play-headers.js';
import type { StreamStart, WireFormat } from '../stream/play/subscriber.js';

const TIMESTAMP_RANGE = 2 ** 32;

/** Message type and chunk stream of each record kind; those that carry no message are absent. */
const WIRE_OF_KIND: { readonly [kind in RecordKind]?: { readonly type: number; readonly chunkStreamId: number } } = {
	[RecordKind.audio]: { type: MessageType.audio, chunkStreamId: ChunkStreamId.audio },
	[RecordKind.audioHeader]: { type: MessageType.audio, chunkStreamId: ChunkStreamId.audio },
	[RecordKind.video]: { type: MessageType.video, chunkStreamId: ChunkStreamId.video },
	[RecordKind.videoHeader]: { type: MessageType.video, chunkStreamId: ChunkStreamId.video },
	[RecordKind.script]: { type: MessageType.dataAmf0, chunkStreamId: ChunkStreamId.data },
};

/** The tracks that a player wants (receiveAudio, receiveVideo). */
export type TrackChoice = { audio: boolean; video: boolean };

/**
 * A stream's records as RTMP messages. Every message has a type 0 header, so the bytes mean the same to a player that
 * joined just now. All players with the same chunk size, message stream id and choice of tracks share them.
 */
export function rtmpPlayFormat(chunkSize: number, messageStreamId: number, choice: TrackChoice): WireFormat {
	const wireOf = (kind: RecordKind): { type: number; chunkStreamId: number } | undefined => {
		const wire = WIRE_OF_KIND[kind];
		const unwanted =
			(wire?.type === MessageType.audio && !choice.audio) || (wire?.type === MessageType.video && !choice.video);
		return unwanted ? undefined : wire;
	};

	const encodeBatch = ({ bytes, records }: RecordBatch): Buffer => {
		let size = 0;
		for (const record of records) {
			if (wireOf(record.kind) !== undefined) {
				size += messageWireBytes(chunkSize, rtmpTimestamp(record.dtsMs), bodyBytes(record.length));
			}
		}
		const target = Buffer.allocUnsafeSlow(size);
		let at = 0;
		for (const record of records) {
			const wire = wireOf(record.kind);
			if (wire !== undefined) {
				const start = record.offset + TAG_HEADER_BYTES;
				const body = bytes.subarray(start, start + bodyBytes(record.length));
				const timestampMs = rtmpTimestamp(record.dtsMs);
				at = writeMessage(target, at, chunkSize, wire.chunkStreamId, wire.type, messageStreamId, timestampMs, body);
			}
		}
		return target;
	};

	const encodeStart = ({ headers, dtsMs }: StreamStart): Buffer => encodeBatch(headerBatch(headers, dtsMs));

	const encodeEnd = (): Buffer => {
		const notice = onStatusBody('status', 'NetStream.Play.UnpublishNotify', 'The stream has ended.');
		const eof = userControlBody(UserControlEvent.streamEof, messageStreamId);
		return Buffer.concat([
			serializeMessage(chunkSize, ChunkStreamId.command, MessageType.commandAmf0, messageStreamId, 0, notice),
			serializeMessage(chunkSize, ChunkStreamId.control, MessageType.userControl, 0, 0, eof),
		]);
	};

	const tracks = `${choice.audio ? 'a' : ''}${choice.video ? 'v' : ''}`;
	return { key: `rtmp:${chunkSize}:${messageStreamId}:${tracks}`, encodeBatch, encodeStart, encodeEnd };
}

function bodyBytes(tagLength: number): number {
	return tagLength - TAG_HEADER_BYTES - PREVIOUS_TAG_SIZE_BYTES;
}

/** RTMP's milliseconds modulo 2^32 for a time on the stream's timeline. */
function rtmpTimestamp(dtsMs: number): number {
	return Math.trunc(dtsMs) % TIMESTAMP_RANGE;
}
