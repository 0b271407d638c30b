// Spec: RTMP 1.0, section 7.2.1 (NetConnection Commands); the FC commands as Flash Media Live Encoder and FMS exchange them

import type { Socket } from 'node:net';
import { peerOf } from '../access/address.js';
import { queryCredentials } from '../access/http-request.js';
import { type AccessRequest, UNSAID } from '../access/request.js';
import { type AmfValue, amfString } from '../codec/amf-value.js';
import { PeerError, peerErrorOf } from '../errors.js';
import type { PlayProtocol } from '../protocol/protocols.js';
import {
	CapsEx,
	type Command,
	type ConnectInfo,
	commandBody,
	connectResultBody,
	errorBody,
	onStatusBody,
	parseCommand,
	readConnect,
} from '../protocol/rtmp/commands.js';
import { RtmpConnection } from '../protocol/rtmp/connection.js';
import { ServerHandshake } from '../protocol/rtmp/handshake.js';
import { MessageType } from '../protocol/rtmp/message.js';
import { namePart } from '../stream-name.js';
import { MessageStreams } from './rtmp-message-streams.js';
import { joinQueries, type QueriedName, splitName } from './rtmp-names.js';
import { RtmpPlay } from './rtmp-play.js';
import { RtmpPublish } from './rtmp-publish.js';
import type { RtmpServices, StreamHost } from './rtmp-services.js';

/** Largest message of a peer that has not asked to publish: commands only. */
const MAX_COMMAND_BYTES = 64 * 1024;

/** One RTMP connection of a peer, from the handshake to the end. */
export class RtmpSession implements StreamHost {
	readonly connection: RtmpConnection;
	readonly services: RtmpServices;
	readonly protocol: PlayProtocol;
	readonly address: string;
	readonly #peer: Pick<AccessRequest, 'ip' | 'port'>;
	readonly #onClosed: (session: RtmpSession) => void;
	readonly #startedAtMs = performance.now();
	readonly #streams = new MessageStreams(this);
	#connect: ConnectInfo | null = null;
	#app: QueriedName = { name: '', query: '' };
	#pingedAtMs = 0;
	#heardAtMs = this.#startedAtMs;
	#bytesHeard = 0;

	/** @param onClosed called once, when the session is over; its socket may still be flushing. */
	constructor(
		socket: Socket,
		protocol: PlayProtocol,
		address: string,
		services: RtmpServices,
		onClosed: (session: RtmpSession) => void,
	) {
		this.services = services;
		this.protocol = protocol;
		this.address = address;
		this.#peer = peerOf(socket);
		this.#onClosed = onClosed;
		this.connection = new RtmpConnection(socket, (send) => new ServerHandshake(send), MAX_COMMAND_BYTES, {
			message: (type, messageStreamId, timestampMs, body) => {
				if (type === MessageType.commandAmf0 || type === MessageType.commandAmf3) {
					this.#command(messageStreamId, parseCommand(type, body));
				} else {
					this.#streams.media(messageStreamId, type, timestampMs, body);
				}
			},
			closed: (error) => this.#closed(error),
		});
		socket.on('data', (chunk) => this.connection.receive(chunk));
	}

	get via(): readonly string[] {
		return this.#connect?.via ?? [];
	}

	get resumeMs(): number | undefined {
		return this.#connect?.resumeMs;
	}

	accessRequest(
		action: AccessRequest['action'],
		{ name, query }: QueriedName,
		more: Partial<Pick<AccessRequest, 'publishType' | 'play'>> = {},
	): AccessRequest {
		const { tcUrl = '', pageUrl = '', swfUrl = '', flashVer = '' } = this.#connect ?? {};
		const wholeQuery = joinQueries(this.#app.query, query);
		return {
			...UNSAID,
			...more,
			...{ action, asked: { app: this.#app.name, name }, protocol: this.protocol, query: wholeQuery },
			...this.#peer,
			...queryCredentials(wholeQuery),
			...{ tcUrl, pageUrl, swfUrl, flashVer },
			...this.services.access.identify(),
		};
	}

	/** Looks at every time limit; called about once a second. */
	checkTimes(nowMs: number): void {
		const { limits, rtmp } = this.services.config;
		const { bytesIn } = this.connection;
		if (bytesIn !== this.#bytesHeard) {
			this.#bytesHeard = bytesIn;
			this.#heardAtMs = nowMs;
		}
		const silentMs = nowMs - this.#heardAtMs;
		if (this.#connect === null) {
			if (nowMs - this.#startedAtMs > limits.handshakeTimeout) {
				this.connection.destroy(new PeerError('HANDSHAKE_TIMEOUT'));
			}
		} else if (silentMs > rtmp.pingTimeout) {
			this.connection.destroy(new PeerError('IDLE_TIMEOUT', 'no answer to a ping'));
		} else if (silentMs > rtmp.pingInterval && nowMs - this.#pingedAtMs > rtmp.pingInterval) {
			this.#pingedAtMs = nowMs;
			this.connection.ping();
		}
	}

	/** A stream has a publisher again; whoever plays it here is told. */
	publisherReturned(streamId: number): void {
		for (const [, activity] of this.#streams.active()) {
			if (activity instanceof RtmpPlay && activity.streamId === streamId) {
				activity.publisherReturned();
			}
		}
	}

	/**
	 * The server stops. Players are told and closed. A publisher that knows ReconnectRequest is asked to go and served until it
	 * does; any other one is closed.
	 */
	drain(): void {
		const activities = [...this.#streams.active()].map(([, activity]) => activity);
		const knowsReconnect = ((this.#connect?.capsEx ?? 0) & CapsEx.reconnect) !== 0;
		if (knowsReconnect && activities.some((activity) => activity instanceof RtmpPublish)) {
			const code = 'NetConnection.Connect.ReconnectRequest';
			this.connection.sendCommand(0, onStatusBody('status', code, 'The server is stopping.'));
			return;
		}
		for (const activity of activities) {
			activity.stop('SERVER_STOPPING');
		}
		this.connection.end(new PeerError('SERVER_STOPPING'));
	}

	finished(messageStreamId: number, error: PeerError): void {
		if (!this.#streams.settle(messageStreamId)) {
			return;
		}
		if (error.code === 'SUBSCRIBER_LAGGING') {
			this.connection.destroy(error);
		} else {
			this.connection.end(error);
		}
	}

	#command(messageStreamId: number, command: Command): void {
		if (command.name === 'connect') {
			this.#connectApp(command);
			return;
		}
		if (this.#connect === null) {
			throw new PeerError('RTMP_COMMAND', `${command.name.slice(0, 32)} before connect`);
		}
		if (this.#streams.command(messageStreamId, command)) {
			return;
		}
		const text = amfString(command.args[0]) ?? '';
		switch (command.name) {
			case 'createStream':
				this.#createStream(command);
				break;
			case 'releaseStream':
			case 'FCPublish':
			case '_checkbw':
				this.#result(command, undefined);
				break;
			case 'FCUnpublish':
				this.#streams.unpublish(text);
				this.#inform('onFCUnpublish', 'NetStream.Unpublish.Success', 'Publishing has ended.');
				this.#result(command, undefined);
				break;
			case 'FCSubscribe':
				this.#inform('onFCSubscribe', 'NetStream.Play.Start', `Subscribed to ${text}.`);
				break;
			case 'FCUnsubscribe':
				this.#inform('onFCUnsubscribe', 'NetStream.Play.Stop', `Unsubscribed from ${text}.`);
				break;
			case 'getStreamLength':
				this.#result(command, 0);
				break;
			case '_result':
			case '_error':
			case 'onStatus':
				break;
			default:
				this.services.log.debug({ address: this.address, command: command.name }, 'unknown RTMP command');
				this.#refuse(command, 'Method not found.');
		}
	}

	#connectApp(command: Command): void {
		if (this.#connect !== null) {
			throw new PeerError('RTMP_COMMAND', 'connect twice');
		}
		const info = readConnect(command);
		try {
			const app = splitName(info.app);
			namePart(app.name);
			this.#app = app;
		} catch (error) {
			const peerError = peerErrorOf(error);
			const body = errorBody(command.transactionId, 'NetConnection.Connect.InvalidApp', peerError.message);
			this.connection.sendCommand(0, body);
			this.connection.end(peerError);
			return;
		}
		this.#connect = info;
		const { ackWindow, chunkSize } = this.services.config.rtmp;
		this.connection.setWindow(ackWindow);
		this.connection.setChunkSize(chunkSize);
		this.connection.sendCommand(0, connectResultBody(command.transactionId, info));
	}

	#createStream(command: Command): void {
		const messageStreamId = this.#streams.create();
		if (messageStreamId === null) {
			this.#refuse(command, 'Too many streams.');
		} else {
			this.#result(command, messageStreamId);
		}
	}

	#result(command: Command, value: AmfValue): void {
		if (command.transactionId !== 0) {
			this.connection.sendCommand(0, commandBody('_result', command.transactionId, null, value));
		}
	}

	#refuse(command: Command, description: string): void {
		if (command.transactionId !== 0) {
			this.connection.sendCommand(0, errorBody(command.transactionId, 'NetConnection.Call.Failed', description));
		}
	}

	#inform(name: string, code: string, description: string): void {
		this.connection.sendCommand(0, commandBody(name, 0, null, { level: 'status', code, description }));
	}

	#closed(error: PeerError): void {
		const { newest } = this.#streams;
		this.#streams.closeAll(error.code);
		this.services.counters.countClosed(error.code);
		this.services.log.info(
			{
				protocol: this.protocol,
				address: this.address,
				role: newest?.role ?? 'none',
				app: this.#app.name,
				stream: newest?.name?.name ?? '',
				code: error.code,
				reason: error.message,
				bytesIn: this.connection.bytesIn,
				bytesOut: this.connection.bytesOut,
				durationMs: Math.round(performance.now() - this.#startedAtMs),
			},
			'session ended',
		);
		this.#onClosed(this);
	}
}
