import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { WebSocket } from 'ws';
import { FlvReader } from '../container/flv/reader.js';
import { scriptName, scriptTagBody } from '../container/flv/script-data.js';
import { MAX_TAG_BODY_BYTES, TagType } from '../container/flv/tag.js';
import { PeerError } from '../errors.js';
import { RtmpClient } from '../protocol/rtmp/client.js';
import { MessageType, splitAggregate } from '../protocol/rtmp/message.js';
import { parseRtmpUrl } from '../protocol/rtmp/url.js';
import { ToolError } from './tool.js';

/** How playing ended: `orderly` when the server said that the stream is over. */
export type SourceEnd = { orderly: boolean; reason: string };

export type SourceEvents = {
	/** A tag, with the source's time modulo 2^32; the body is borrowed until return. */
	tag(tagType: number, timestampMs: number, body: Uint8Array): void;
	/** It is over: told once; nothing follows. Not told after `close`. */
	over(end: SourceEnd): void;
};

/** One connection that plays a stream. */
export type StreamSource = { close(): void };

const USER_AGENT = 'Millrace';
const NORMAL_CLOSURE = 1000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Data messages that a server makes for each of its players: no part of the stream. */
const FOR_PLAYERS = ['|RtmpSampleAccess', 'onStatus'];
const RTMP_ENDS = ['NetStream.Play.UnpublishNotify', 'NetStream.Play.Stop', 'NetStream.Play.Complete'];

/** Begins to play `url`. */
export function openSource(url: URL, events: SourceEvents): StreamSource {
	const once = onceOver(events);
	switch (url.protocol) {
		case 'rtmp:':
		case 'rtmps:':
			return playRtmp(url, once);
		case 'ws:':
		case 'wss:':
			return playWebSocket(url, once);
		default:
			return playHttp(url, once);
	}
}

type OneEnd = SourceEvents & { isOver: boolean };

/** Passes on the first end, and nothing after it. */
function onceOver(events: SourceEvents): OneEnd {
	const guarded: OneEnd = {
		isOver: false,
		tag: (tagType, timestampMs, body) => {
			if (!guarded.isOver) {
				events.tag(tagType, timestampMs, body);
			}
		},
		over: (end) => {
			if (!guarded.isOver) {
				guarded.isOver = true;
				events.over(end);
			}
		},
	};
	return guarded;
}

function lost(error: Error): SourceEnd {
	return { orderly: false, reason: error.message };
}

/** Feeds FLV to `events`; what is wrong with it is the end. */
function flvInto(events: OneEnd, hangUp: () => void): (bytes: Uint8Array) => void {
	const reader = new FlvReader({ tag: events.tag }, MAX_TAG_BODY_BYTES);
	return (bytes) => {
		if (events.isOver) {
			return;
		}
		try {
			reader.push(bytes);
		} catch (error) {
			if (!(error instanceof PeerError)) {
				throw error;
			}
			events.over(lost(error));
			hangUp();
		}
	};
}

function playHttp(url: URL, events: OneEnd): StreamSource {
	const { get } = url.protocol === 'https:' ? https : http;
	const request: ClientRequest = get(url, { agent: false, headers: { 'User-Agent': USER_AGENT } });
	const close = (): void => {
		events.isOver = true;
		request.destroy();
	};
	request.on('error', (error) => events.over(lost(error)));
	request.on('response', (response: IncomingMessage) => {
		response.on('error', (error) => events.over(lost(error)));
		if (response.statusCode !== 200) {
			events.over({ orderly: false, reason: `the server answered ${response.statusCode}` });
			request.destroy();
			return;
		}
		response.on(
			'data',
			flvInto(events, () => request.destroy()),
		);
		response.on('close', () => {
			const reason = response.complete ? 'the stream ended' : 'the connection was lost';
			events.over({ orderly: response.complete, reason });
		});
	});
	return { close };
}

function playWebSocket(url: URL, events: OneEnd): StreamSource {
	const options = { handshakeTimeout: HANDSHAKE_TIMEOUT_MS, perMessageDeflate: false };
	const socket = new WebSocket(url, { ...options, headers: { 'User-Agent': USER_AGENT } });
	const take = flvInto(events, () => socket.terminate());
	socket.on('message', (message) => take(message as Buffer));
	socket.on('error', (error) => events.over(lost(error)));
	socket.on('close', (code) => {
		const orderly = code === NORMAL_CLOSURE;
		events.over({ orderly, reason: orderly ? 'the stream ended' : `the WebSocket was closed: ${code}` });
	});
	return {
		close: () => {
			events.isOver = true;
			socket.terminate();
		},
	};
}

function playRtmp(url: URL, events: OneEnd): StreamSource {
	let client: RtmpClient | null = null;
	const play = async (): Promise<void> => {
		const parsed = parseRtmpUrl(url.href);
		if (parsed === null || parsed.streamName === '') {
			throw new ToolError(`${url.href} is no RTMP address: expected rtmp://host/app/name`);
		}
		client = await RtmpClient.connect(parsed, {
			maxMessageBytes: MAX_TAG_BODY_BYTES,
			onStatus: (code) => {
				if (RTMP_ENDS.includes(code)) {
					events.over({ orderly: true, reason: 'the stream ended' });
					client?.close();
				}
			},
		});
		if (events.isOver) {
			client.close();
			return;
		}
		void client.closed.then((error) => events.over(lost(error)));
		await client.play(parsed.streamName, (type, timestampMs, body) => message(events, type, timestampMs, body));
	};
	play().catch((error: Error) => {
		client?.close();
		events.over(lost(error));
	});
	return {
		close: () => {
			events.isOver = true;
			client?.close();
		},
	};
}

function message(events: OneEnd, type: number, timestampMs: number, body: Buffer): void {
	if (type === MessageType.audio || type === MessageType.video) {
		events.tag(type, timestampMs, body);
	} else if (type === MessageType.dataAmf0 || type === MessageType.dataAmf3) {
		const script = scriptTagBody(body, type === MessageType.dataAmf3);
		if (!FOR_PLAYERS.includes(scriptName(script) ?? '')) {
			events.tag(TagType.script, timestampMs, script);
		}
	} else if (type === MessageType.aggregate) {
		splitAggregate(body, timestampMs, (subType, subTimestampMs, subBody) => {
			if (subType !== MessageType.aggregate) {
				message(events, subType, subTimestampMs, subBody);
			}
		});
	}
}
