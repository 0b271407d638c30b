// Spec: RTMP 1.0, sections 7.2.2.1 (play) and 7.1.6 (Aggregate Message); status codes as FMS, nginx-rtmp and SRS send them

import { scriptName, scriptTagBody } from '../container/flv/script-data.js';
import { TagType } from '../container/flv/tag.js';
import { PeerError, peerErrorOf } from '../errors.js';
import { withCredentialQuery } from '../protocol/credentials.js';
import { formatVia, LOOP_DESCRIPTION, RESUME_PROPERTY, VIA_PROPERTY } from '../protocol/relay.js';
import { RtmpClient } from '../protocol/rtmp/client.js';
import { MessageType, splitAggregate } from '../protocol/rtmp/message.js';
import { parseRtmpUrl } from '../protocol/rtmp/url.js';
import { endOf, endOfError, type Source, type SourceEnd, type SourceEvents, type SourceTarget } from './source.js';
import { SourceFeed } from './source-feed.js';

/** Data messages that a server makes for each of its players: no part of the stream. */
const FOR_PLAYERS = ['|RtmpSampleAccess', 'onStatus'];
/** The stream has lost its publisher. The connection would stay, and so it goes on if another comes. */
const ENDS = ['NetStream.Play.UnpublishNotify', 'NetStream.Play.Stop', 'NetStream.Play.Complete'];

/** Plays a stream by RTMP or RTMPS. */
export function openRtmpSource(target: SourceTarget, events: SourceEvents): Source {
	let client: RtmpClient | null = null;
	const feed = new SourceFeed(events, () => client?.close());
	const play = async ({ url, credentials, via, resumeMs, maxMessageBytes, timeoutMs }: SourceTarget): Promise<void> => {
		const address = parseRtmpUrl(url.href);
		if (address === null || address.streamName === '') {
			throw new PeerError('UPSTREAM_FAILED', `${url.href} is no RTMP address: expected rtmp://host/app/name`);
		}
		client = await RtmpClient.connect(address, {
			maxMessageBytes,
			timeoutMs,
			connectProperties: {
				...(via.length === 0 ? {} : { [VIA_PROPERTY]: formatVia(via) }),
				...(resumeMs === null ? {} : { [RESUME_PROPERTY]: String(resumeMs) }),
			},
			onStatus: (code) => {
				if (ENDS.includes(code)) {
					feed.end(endOf('ended', new PeerError('STREAM_ENDED')));
				}
			},
		});
		if (feed.isOver) {
			client.close();
			return;
		}
		void client.closed.then((error) => feed.fail(error));
		await client.play(withCredentialQuery(address.streamName, credentials), (type, timestampMs, body) =>
			take(feed, type, timestampMs, body),
		);
		feed.answered = true;
	};
	play(target).catch((error: unknown) => {
		const fault = peerErrorOf(error);
		feed.end(fault.code === 'STREAM_NOT_FOUND' ? endOfRefusal(fault) : endOfError(fault));
	});
	return feed;
}

function take(feed: SourceFeed, type: number, timestampMs: number, body: Buffer): void {
	switch (type) {
		case MessageType.audio:
		case MessageType.video:
			feed.bytesIn += body.length;
			feed.tag(type, timestampMs, body);
			break;
		case MessageType.dataAmf0:
		case MessageType.dataAmf3: {
			const script = scriptTagBody(body, type === MessageType.dataAmf3);
			if (!FOR_PLAYERS.includes(scriptName(script) ?? '')) {
				feed.tag(TagType.script, timestampMs, script);
			}
			break;
		}
		case MessageType.aggregate:
			splitAggregate(body, timestampMs, (subType, subTimestampMs, subBody) => {
				if (subType !== MessageType.aggregate) {
					take(feed, subType, subTimestampMs, subBody);
				}
			});
	}
}

/** Returns the end for a server that does not let us play. */
function endOfRefusal(error: PeerError): SourceEnd {
	return endOf('missing', error.message.includes(LOOP_DESCRIPTION) ? new PeerError('RELAY_LOOP') : error);
}
