import net from 'node:net';
import type { TestContext } from 'node:test';
import pino from 'pino';
import { PeerError } from '#src/errors.js';
import { RtmpServer } from '#src/ingest/rtmp-server.js';
import type { PublishRight, RtmpServices } from '#src/ingest/rtmp-services.js';
import { Counters } from '#src/metrics/counters.js';
import { RtmpClient, type RtmpClientOptions } from '#src/protocol/rtmp/client.js';
import { parseAmfMessage } from '#src/protocol/rtmp/commands.js';
import { MessageType } from '#src/protocol/rtmp/message.js';
import { parseRtmpUrl, type RtmpUrl } from '#src/protocol/rtmp/url.js';
import { StreamDirectory } from '#src/stream/directory.js';
import { HubSet } from '#src/stream/play/hub-set.js';
import { StreamFinder } from '#src/stream/stream-finder.js';
import type { PublisherInfo } from '#src/stream/thread-messages.js';
import type { StreamName } from '#src/stream-name.js';
import { testConfig } from './config.js';
import type { LiveStream } from './live-stream.js';

import { patient } from './patience.js';

import { RecordingAccess } from './recording-access.js';

export type SeenPush = { tagType: number; timestampMs: number; body: string };
/** A publication as a test sees it. */
export type SeenPublication = {
	name: StreamName;
	publisher: PublisherInfo;
	pushes: SeenPush[];
	closed: string | null;
	revoke: Parameters<RtmpServices['requests']['open']>[2];
};

/** Grants everything, unless `verdict` is set, and writes down what comes. */
export class FakePublishRequests implements Pick<RtmpServices['requests'], 'open'> {
	readonly publications: SeenPublication[] = [];
	/** Resolves to grant, rejects to refuse. */
	verdict: () => Promise<void> = async () => undefined;

	async open(...[name, publisher, revoke]: Parameters<RtmpServices['requests']['open']>): Promise<PublishRight> {
		await this.verdict();
		const seen: SeenPublication = { name, publisher, pushes: [], closed: null, revoke };
		this.publications.push(seen);
		return {
			push: (tagType, timestampMs, body) => {
				if (body.length === 1 && body[0] === 0xff) {
					throw new PeerError('FLV_TAG', 'as the test wants it');
				}
				seen.pushes.push({ tagType, timestampMs, body: Buffer.from(body).toString('hex') });
			},
			close: (code) => {
				seen.closed = code;
			},
		};
	}
}

/** An RTMP server with everything that its thread would give it, on a free port, ended with the test. */
export class RtmpThread {
	readonly requests = new FakePublishRequests();
	readonly access: RecordingAccess;
	readonly directory = new StreamDirectory([]);
	readonly counters = new Counters();
	readonly logged: Record<string, unknown>[] = [];
	readonly server: RtmpServer;
	readonly hubs: HubSet;
	port = 0;

	private constructor(overrides: Record<string, unknown>) {
		const { requests, directory, counters } = this;
		const config = testConfig(overrides);
		const log = pino({ level: 'info' }, { write: (line: string) => this.logged.push(JSON.parse(line)) });
		const access = new RecordingAccess(log);
		this.access = access;
		this.hubs = new HubSet({ directory, config, counters, log });
		const relay = { processId: 'ingest00', onDemand: false };
		const finder = new StreamFinder({ directory, relay, log, send: () => undefined });
		this.server = new RtmpServer({ access, config, requests, hubs: this.hubs, directory, finder, counters, log });
	}

	static async start(t: TestContext, overrides: Record<string, unknown> = {}, secure = false): Promise<RtmpThread> {
		const thread = new RtmpThread(overrides);
		thread.port = await thread.server.listen({ port: 0, host: '127.0.0.1' }, secure);
		t.after(() => thread.server.drain(0));
		return thread;
	}

	url(path: string): RtmpUrl {
		return parseRtmpUrl(`rtmp://127.0.0.1:${this.port}/${path}`)!;
	}

	/** A client that is closed with the test. */
	async connect(t: TestContext, app = 'live', options: RtmpClientOptions = {}): Promise<RtmpClient> {
		const client = await RtmpClient.connect(this.url(app), { timeoutMs: patient(30_000), ...options });
		t.after(() => client.close());
		return client;
	}

	/** A bare socket, for what no client would send. */
	async open(t: TestContext): Promise<net.Socket> {
		const socket = net.connect(this.port, '127.0.0.1');
		t.after(() => socket.destroy());
		await new Promise((resolve) => socket.once('connect', resolve));
		return socket;
	}

	announce(stream: LiveStream): void {
		this.directory.apply({ type: 'stream-opened', stream: stream.info });
	}

	endStream(stream: LiveStream): void {
		stream.end();
		this.directory.apply({ type: 'stream-ended', streamId: stream.info.streamId });
	}
}

/** Media and data as a player got them. */
export class Received {
	readonly messages: { type: number; timestampMs: number; body: Buffer }[] = [];

	readonly take = (type: number, timestampMs: number, body: Buffer): void => {
		this.messages.push({ type, timestampMs, body: Buffer.from(body) });
	};

	/** Serial numbers that LiveStream puts at the end of every frame. */
	get serials(): number[] {
		return this.messages.filter(isFrame).map(({ body }) => body.readUInt32BE(body.length - 4));
	}

	/** First value of each data message. */
	get dataNames(): unknown[] {
		return this.messages
			.filter(({ type }) => type === MessageType.dataAmf0)
			.map(({ type, body }) => parseAmfMessage(type, body)[0]);
	}
}

function isFrame({ type, body }: { type: number; body: Buffer }): boolean {
	return (type === MessageType.audio || type === MessageType.video) && body[1] === 1;
}
