import { type IncomingMessage, ServerResponse } from 'node:http';
import { PeerError, reasonOf } from '../errors.js';
import { answerError } from '../http/answer.js';
import { corsHeaders, isOriginAllowed, preflightHeaders } from '../http/cors.js';
import {
	PUBLISHER_HEADER,
	parsePublisher,
	parseResume,
	parseVia,
	RESUME_HEADER,
	type RelayedPublisher,
	VIA_HEADER,
} from '../protocol/relay.js';
import { peerAddress } from '../stream/connection-limits.js';
import type { ListenerName, Protocol } from '../stream/thread-messages.js';
import type { StreamName } from '../stream-name.js';
import type { DeliveryServices } from './delivery-services.js';
import { playByHttp } from './http-play.js';
import { HttpPushWire } from './http-push.js';
import type { LentSocket } from './lent-socket.js';
import { parseLivePath, serveLive } from './live-hls.js';
import type { PlayTarget } from './play-session.js';
import { PushSession, type PushTarget, type PushWire } from './push-session.js';
import { parseRoute, type Route } from './route.js';
import { answerDescription, asksForDescription, describeServer } from './server-description.js';
import { reportRefusal } from './session-end.js';
import { answerTime, asksForTime } from './utc-time.js';
import { asksToPush, isHandshake, refuseHandshake } from './web-socket.js';
import { playByWebSocket } from './ws-play.js';
import { WsPushWire } from './ws-push.js';

const METHOD_NOT_ALLOWED = 405;
const PUSH_PROTOCOLS = ['http-flv', 'ws-flv'] as const satisfies readonly Protocol[];

/** Decides what a request on one listener is, and hands it on. */
export class Router {
	readonly #services: DeliveryServices;
	readonly #listener: ListenerName;
	readonly #pushes = new Set<PushSession>();

	constructor(services: DeliveryServices, listener: ListenerName) {
		this.#services = services;
		this.#listener = listener;
	}

	request(request: IncomingMessage, response: ServerResponse): void {
		const { origin } = request.headers;
		const cors = corsHeaders(origin, this.#services.config.http.corsOrigins);
		if (request.method === 'OPTIONS') {
			const preflight = preflightHeaders(request.headers['access-control-request-headers']);
			response.writeHead(204, { ...cors, ...preflight }).end();
			return;
		}
		const publishes = request.method === 'POST' || request.method === 'PUT';
		try {
			const route = this.#route(request, publishes);
			if (route.kind === 'stream' && publishes) {
				this.#push(new HttpPushWire(request, response, cors, this.#relayedPublisher(request)), route);
			} else if (request.method !== 'GET' && request.method !== 'HEAD') {
				throw new PeerError('HTTP_REQUEST', `${request.method} is not allowed here`);
			} else if (route.kind === 'stream') {
				void playByHttp(this.#services, request, response, playTarget(route, request));
			} else {
				this.#serve(request, response, route, cors);
			}
		} catch (error) {
			this.#refuse(request, asPeerError(error));
			const allowed = publishes || request.method === 'GET' || request.method === 'HEAD';
			answerError(response, asPeerError(error), cors, allowed ? {} : { status: METHOD_NOT_ALLOWED });
			response.end();
		}
	}

	#serve(
		request: IncomingMessage,
		response: ServerResponse,
		{ path, query }: { path: string; query: string },
		cors: Readonly<Record<string, string>>,
	): void {
		const { files, live: streams, liveFiles } = this.#services;
		const live = streams === null ? null : parseLivePath(path);
		if (asksForTime(path)) {
			answerTime(response, cors);
		} else if (asksForDescription(path)) {
			answerDescription(response, describeServer(this.#services, this.#listener, query), cors);
		} else if (live !== null && liveFiles !== null) {
			liveFiles.serve(request, response, path, cors);
		} else if (live !== null) {
			serveLive(this.#services, request, response, { ...live, query }, cors);
		} else {
			files.serve(request, response, path, cors);
		}
	}

	/** A request that wants to leave HTTP. `lent` has no listeners of node:http any more. */
	upgrade(request: IncomingMessage, lent: LentSocket, head: Buffer): void {
		if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
			this.#stayWithHttp(request, lent);
			return;
		}
		// Until the answer, the peer has nothing to say but that it leaves.
		lent.on('error', () => lent.destroy());
		lent.on('end', () => lent.destroy());
		lent.resume();
		const cors = corsHeaders(request.headers.origin, this.#services.config.http.corsOrigins);
		try {
			const route = this.#route(request, true);
			if (route.kind !== 'stream' || !isHandshake(request)) {
				throw new PeerError('HTTP_REQUEST', 'not a WebSocket handshake for a stream');
			}
			if (!route.flv || asksToPush(request)) {
				this.#push(new WsPushWire(request, lent, head, cors), route);
			} else {
				void playByWebSocket(this.#services, request, lent, head, playTarget(route, request));
			}
		} catch (error) {
			this.#refuse(request, asPeerError(error));
			refuseHandshake(request, lent, head, asPeerError(error), cors);
		}
	}

	/** Ends every push; plays end with their hubs. */
	drain(): void {
		for (const push of [...this.#pushes]) {
			push.abort(reasonOf('SERVER_STOPPING'));
		}
	}

	/** An offer that we do not take (curl and Java offer h2c with every request): the request counts as it is. */
	#stayWithHttp(request: IncomingMessage, lent: LentSocket): void {
		const response = new ServerResponse(request);
		response.shouldKeepAlive = false;
		response.assignSocket(request.socket);
		response.on('finish', () => lent.destroySoon());
		this.request(request, response);
	}

	#route(request: IncomingMessage, publishes: boolean): Route {
		const route = parseRoute(request.url ?? '/', publishes);
		if (route.kind === 'stream' && this.#services.live === null && !publishes) {
			return { kind: 'file', path: `/${route.name.key}.flv`, query: route.query };
		}
		if (route.kind === 'stream' && this.#listener === 'files') {
			throw new PeerError('STREAM_NOT_FOUND', 'this port serves files only');
		}
		const { corsOrigins } = this.#services.config.http;
		const fromPage = publishes && route.kind === 'stream';
		if (fromPage && !isOriginAllowed(request.headers.origin, corsOrigins)) {
			throw new PeerError('PUBLISH_REFUSED', 'pages of this origin are not allowed');
		}
		return route;
	}

	/** Returns the publisher whose push another process hands on. */
	#relayedPublisher({ headers }: IncomingMessage): RelayedPublisher<Protocol> | null {
		return this.#services.internal ? parsePublisher(headers[PUBLISHER_HEADER], PUSH_PROTOCOLS) : null;
	}

	#push(wire: PushWire & { watch(session: PushSession): void }, target: PushTarget): void {
		const session = new PushSession(this.#services, wire, target, (over) => this.#pushes.delete(over));
		this.#pushes.add(session);
		wire.watch(session);
		session.start(target);
	}

	#refuse(request: IncomingMessage, error: PeerError): void {
		reportRefusal(this.#services, peerAddress(request.socket), error);
	}
}

function playTarget({ name }: { name: StreamName }, { headers }: IncomingMessage): PlayTarget {
	return { name, via: parseVia(headers[VIA_HEADER]), resumeMs: parseResume(headers[RESUME_HEADER]) };
}

/** Anything else that is thrown is a defect of ours and goes on up. */
function asPeerError(error: unknown): PeerError {
	if (error instanceof PeerError) {
		return error;
	}
	throw error;
}
