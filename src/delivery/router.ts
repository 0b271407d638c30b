import type { IncomingMessage, ServerResponse } from 'node:http';
import { whenJudged } from '../access/access.js';
import { peerAddress } from '../access/address.js';
import { httpAccessRequest } from '../access/http-request.js';
import type { AccessRequest } from '../access/request.js';
import { LISTENERS, type ListenerName } from '../config/listeners.js';
import { PeerError, peerErrorOf, reasonOf } from '../errors.js';
import { localPathOf } from '../files/local-path.js';
import { answerError } from '../http/answer.js';
import { corsHeaders, isOriginAllowed, preflightHeaders } from '../http/cors.js';
import { parseMediaPath, viewProtocol } from '../http/paths.js';
import {
	PUBLISHER_HEADER,
	parsePublisher,
	parseResume,
	parseVia,
	RESUME_HEADER,
	type RelayedPublisher,
	VIA_HEADER,
} from '../protocol/relay.js';
import { type StreamName, streamName } from '../stream-name.js';
import type { DeliveryServices } from './delivery-services.js';
import { playByHttp } from './http-play.js';
import { HttpPushWire } from './http-push.js';
import type { LentSocket } from './lent-socket.js';
import { liveResourceOf, serveLive } from './live-hls.js';
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

type Wish = Pick<AccessRequest, 'action' | 'protocol' | 'asked' | 'query'>;

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
		const reads = request.method === 'GET' || request.method === 'HEAD';
		const fail = (error: PeerError): void => {
			this.#refuse(request, error);
			answerError(response, error, cors, publishes || reads ? {} : { status: METHOD_NOT_ALLOWED });
			response.end();
		};
		attempt(fail, () => {
			const route = this.#route(request, publishes);
			if (!publishes && !reads) {
				throw new PeerError('HTTP_REQUEST', `${request.method} is not allowed here`);
			}
			if (route.kind === 'file') {
				this.#serve(request, response, route, cors, fail);
				return;
			}
			const { asked, query } = route;
			const wish = { action: publishes ? 'publish' : 'play', protocol: 'http-flv', asked, query } as const;
			this.#judge(request, response, wish, fail, (name) => {
				if (publishes) {
					const wire = new HttpPushWire(request, response, cors, this.#relayedPublisher(request));
					this.#push(wire, { name, query });
				} else {
					void playByHttp(this.#services, request, response, playTarget(name, request));
				}
			});
		});
	}

	#serve(
		request: IncomingMessage,
		response: ServerResponse,
		{ path, query }: { path: string; query: string },
		cors: Readonly<Record<string, string>>,
		fail: (error: PeerError) => void,
	): void {
		if (asksForTime(path)) {
			answerTime(response, cors);
			return;
		}
		if (asksForDescription(path)) {
			answerDescription(response, describeServer(this.#services, this.#listener, query), cors);
			return;
		}
		const local = localPathOf(path);
		const media = local === null ? null : parseMediaPath(local);
		if (media === null) {
			this.#services.files.serve(request, response, path, cors);
			return;
		}
		const wish = { action: 'view', protocol: viewProtocol(media), asked: media, query } as const;
		this.#judge(request, response, wish, fail, (name) => {
			const { files, live, liveFiles } = this.#services;
			const resource = live === null ? null : liveResourceOf(media);
			if (resource === null) {
				files.serve(request, response, path, cors);
			} else if (liveFiles === null) {
				serveLive(this.#services, request, response, { name, resource, query }, cors);
			} else {
				liveFiles.serve(request, response, path, cors);
			}
		});
	}

	/** Puts a wish to the rules. A peer that has left while they were asked is told nothing. */
	#judge(
		request: IncomingMessage,
		peer: { readonly destroyed: boolean },
		wish: Wish,
		fail: (error: PeerError) => void,
		proceed: (name: StreamName) => void,
	): void {
		const { access, internal } = this.#services;
		if (internal) {
			// The process that asks has put it to the rules, with what its own peer said.
			proceed(streamName(wish.asked.app, wish.asked.name));
			return;
		}
		whenJudged(access.judge(httpAccessRequest(request, { ...wish, ...access.identify() })), (verdict) => {
			if (!peer.destroyed) {
				attempt(fail, () => {
					if (!verdict.allowed) {
						throw PeerError.of(verdict);
					}
					proceed(verdict.name);
				});
			}
		});
	}

	/** A request that wants to leave HTTP for a WebSocket. `lent` has no listeners of node:http any more. */
	upgrade(request: IncomingMessage, lent: LentSocket, head: Buffer): void {
		// Until the answer, the peer has nothing to say but that it leaves.
		lent.on('error', () => lent.destroy());
		lent.on('end', () => lent.destroy());
		lent.resume();
		const cors = corsHeaders(request.headers.origin, this.#services.config.http.corsOrigins);
		const fail = (error: PeerError): void => {
			this.#refuse(request, error);
			refuseHandshake(request, lent, head, error, cors);
		};
		attempt(fail, () => {
			const route = this.#route(request, true);
			if (route.kind !== 'stream' || !isHandshake(request)) {
				throw new PeerError('HTTP_REQUEST', 'not a WebSocket handshake for a stream');
			}
			const { asked, query } = route;
			const publishes = !route.flv || asksToPush(request);
			const wish = { action: publishes ? 'publish' : 'play', protocol: 'ws-flv', asked, query } as const;
			this.#judge(request, lent, wish, fail, (name) => {
				if (publishes) {
					this.#push(new WsPushWire(request, lent, head, cors), { name, query });
				} else {
					void playByWebSocket(this.#services, request, lent, head, playTarget(name, request));
				}
			});
		});
	}

	/** Ends every push; plays end with their hubs. */
	drain(): void {
		for (const push of [...this.#pushes]) {
			push.abort(reasonOf('SERVER_STOPPING'));
		}
	}

	#route(request: IncomingMessage, publishes: boolean): Route {
		const route = parseRoute(request.url ?? '/', publishes);
		if (route.kind === 'stream' && this.#services.live === null && !publishes) {
			return { kind: 'file', path: `/${route.asked.app}/${route.asked.name}.flv`, query: route.query };
		}
		if (route.kind === 'stream' && !LISTENERS[this.#listener].streams) {
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
	#relayedPublisher({ headers }: IncomingMessage): RelayedPublisher | null {
		return this.#services.internal ? parsePublisher(headers[PUBLISHER_HEADER]) : null;
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

function playTarget(name: StreamName, { headers }: IncomingMessage): PlayTarget {
	return { name, via: parseVia(headers[VIA_HEADER]), resumeMs: parseResume(headers[RESUME_HEADER]) };
}

/** Does `work`; a PeerError that comes of it goes to `fail`. */
function attempt(fail: (error: PeerError) => void, work: () => void): void {
	try {
		work();
	} catch (error) {
		fail(peerErrorOf(error));
	}
}
