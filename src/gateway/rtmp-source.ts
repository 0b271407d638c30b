// Spec: RTMP 1.0, sections 7.2.2.1 (play) and 7.1.6 (Aggregate Message); status codes as FMS, nginx-rtmp and SRS send them

import { scriptName, scriptTagBody } from '../container/flv/script-data.js';
import { TagType } from '../container/flv/tag.js';
import { PeerError } from '../errors.js';
import { formatVia, RESUME_PROPERTY, VIA_PROPERTY } from '../protocol/relay.js';
import { RtmpClient } from '../protocol/rtmp/client.js';
import { MessageType, splitAggregate } from '../protocol/rtmp/message.js';
import { parseRtmpUrl } from '../protocol/rtmp/url.js';
import { endOf, endOfError, type Source, type SourceEnd, type SourceEvents, type SourceTarget } from './source.js';

/** Data messages that a server makes for each of its players: no part of the stream. */
const FOR_PLAYERS = ['|RtmpSampleAccess', 'onStatus'];
/** The stream has lost its publisher. The connection would stay, and so it goes on if another comes. */
const ENDS = ['NetStream.Play.UnpublishNotify', 'NetStream.Play.Stop', 'NetStream.Play.Complete'];

/** Pulls a stream by RTMP or RTMPS. */
export class RtmpSource implements Source {
	answered = false;
	bytesIn = 0;
	readonly #events: SourceEvents;
	#client: RtmpClient | null = null;
	#over = false;

	constructor(target: SourceTarget, events: SourceEvents) {
		this.#events = events;
		void this.#play(target);
	}

	close(): void {
		this.#over = true;
		this.#client?.close();
	}

	async #play({ upstream, app, name, via, resumeMs, maxMessageBytes, timeoutMs }: SourceTarget): Promise<void> {
		const url = parseRtmpUrl(`${upstream.replace(/\/$/, '')}/${app}/${name}`);
		try {
			if (url === null) {
				throw new PeerError('UPSTREAM_FAILED', `${upstream} is no RTMP address`);
			}
			const client = await RtmpClient.connect(url, {
				maxMessageBytes,
				timeoutMs,
				connectProperties: {
					[VIA_PROPERTY]: formatVia(via),
					...(resumeMs === null ? {} : { [RESUME_PROPERTY]: String(resumeMs) }),
				},
				onStatus: (code) => {
					if (ENDS.includes(code)) {
						this.#end(endOf('ended', new PeerError('STREAM_ENDED')));
					}
				},
			});
			this.#client = client;
			if (this.#over) {
				client.close();
				return;
			}
			void client.closed.then((error) => this.#end(endOfError(error)));
			await client.play(url.streamName, (type, timestampMs, body) => this.#message(type, timestampMs, body));
			this.answered = true;
		} catch (error) {
			if (!(error instanceof PeerError)) {
				throw error;
			}
			this.#end(error.code === 'STREAM_NOT_FOUND' ? endOf('missing', error) : endOfError(error));
		}
	}

	#message(type: number, timestampMs: number, body: Buffer): void {
		if (this.#over) {
			return;
		}
		switch (type) {
			case MessageType.audio:
			case MessageType.video:
				this.bytesIn += body.length;
				this.#events.tag(type, timestampMs, body);
				break;
			case MessageType.dataAmf0:
			case MessageType.dataAmf3: {
				const script = scriptTagBody(body, type === MessageType.dataAmf3);
				if (!FOR_PLAYERS.includes(scriptName(script) ?? '')) {
					this.#events.tag(TagType.script, timestampMs, script);
				}
				break;
			}
			case MessageType.aggregate:
				splitAggregate(body, timestampMs, (subType, subTimestampMs, subBody) => {
					if (subType !== MessageType.aggregate) {
						this.#message(subType, subTimestampMs, subBody);
					}
				});
		}
	}

	#end(end: SourceEnd): void {
		if (!this.#over) {
			this.close();
			this.#events.over(end);
		}
	}
}
