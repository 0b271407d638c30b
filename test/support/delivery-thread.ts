import http, { type IncomingMessage } from 'node:http';
import net from 'node:net';
import type { TestContext } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { DeliveryRole } from '#src/delivery/delivery-role.js';
import { PushReceiver } from '#src/ingest/push-receiver.js';
import { Counters } from '#src/metrics/counters.js';
import { bindHandle, boundPort, type ServerHandle } from '#src/primary/server-handle.js';
import { allocateConnectionTable } from '#src/stream/connection-table.js';
import type { ThreadToCoordinator } from '#src/stream/thread-messages.js';
import { testConfig } from './config.js';
import type { LiveStream } from './live-stream.js';
import { RequestsWithCoordinator } from './publish-requests.js';
import { RecordingAccess } from './recording-access.js';
import { keptLog, type LogLine } from './silent-log.js';

/** The role's servers own these descriptors; a handle that is collected would close them a second time. */
const handles: ServerHandle[] = [];

/** A delivery role as its thread would have it, on free ports, with an ingest thread's publish requests behind a real channel. */
export class DeliveryThread {
	readonly role: DeliveryRole;
	readonly counters: Counters;
	readonly access: RecordingAccess;
	readonly ingest: RequestsWithCoordinator;
	readonly sent: ThreadToCoordinator[] = [];
	readonly lines: LogLine[];
	readonly port: number;
	readonly filesPort: number;

	private constructor(overrides: Record<string, unknown>) {
		const config = testConfig(overrides);
		const [http, files] = [bind(), bind()];
		this.port = boundPort(http);
		this.filesPort = boundPort(files);
		this.counters = new Counters();
		const { log, lines } = keptLog();
		this.lines = lines;
		this.access = new RecordingAccess(log);
		const data = {
			kind: 'delivery' as const,
			index: 0,
			config,
			listeners: { http: http.fd, files: files.fd },
			counters: this.counters.slab,
			heartbeat: new SharedArrayBuffer(4),
			connections: { table: allocateConnectionTable(1), share: 0 },
			relay: { processId: 'delivery0', onDemand: false },
			server: { role: 'origin', ports: { http: this.port, files: this.filesPort } },
			streams: [],
		};
		this.role = new DeliveryRole(data, (message) => this.sent.push(message), log, { access: this.access });
		this.ingest = new RequestsWithCoordinator(overrides);
		const { port1, port2 } = new MessageChannel();
		this.role.handle({ type: 'push-port', index: 0, port: port1 });
		new PushReceiver({ port: port2, requests: this.ingest.requests, config });
	}

	static async start(t: TestContext, overrides: Record<string, unknown> = {}): Promise<DeliveryThread> {
		const thread = new DeliveryThread(overrides);
		await thread.role.start();
		t.after(() => {
			thread.role.handle({ type: 'drain', deadlineMs: 0 });
			thread.role.handle({ type: 'push-port-closed', index: 0 });
		});
		return thread;
	}

	announce(stream: LiveStream): LiveStream {
		this.role.handle({ type: 'stream-opened', stream: stream.info });
		return stream;
	}

	endStream(stream: LiveStream): void {
		stream.end();
		this.role.handle({ type: 'stream-ended', streamId: stream.info.streamId });
	}

	/** Lines of sessions that have ended. */
	get ended(): LogLine[] {
		return this.lines.filter(({ msg }) => msg === 'session ended');
	}

	/** A bare connection that keeps what it gets. `text` is sent at once. */
	async raw(t: TestContext, text: string | Buffer, port = this.port): Promise<RawPeer> {
		const socket = net.connect(port, '127.0.0.1');
		t.after(() => socket.destroy());
		const peer = new RawPeer(socket);
		await new Promise((resolve) => socket.once('connect', resolve));
		socket.write(text);
		return peer;
	}

	/** A request by node:http's client; the body is whole unless the response is endless. */
	ask(
		t: TestContext,
		method: string,
		path: string,
		{ headers = {}, body, port = this.port }: { headers?: http.OutgoingHttpHeaders; body?: Buffer; port?: number } = {},
	): Promise<Answer> {
		return new Promise((resolve, reject) => {
			const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
				const parts: Buffer[] = [];
				response.on('data', (part: Buffer) => parts.push(part));
				response.on('end', () => resolve({ response, body: Buffer.concat(parts) }));
				response.on('error', reject);
			});
			t.after(() => request.destroy());
			request.on('error', reject);
			request.end(body);
		});
	}
}

export type Answer = { response: IncomingMessage; body: Buffer };

export class RawPeer {
	readonly socket: net.Socket;
	readonly #parts: Buffer[] = [];

	constructor(socket: net.Socket) {
		this.socket = socket;
		socket.on('data', (part: Buffer) => this.#parts.push(part));
		socket.on('error', () => socket.destroy());
	}

	get bytes(): Buffer {
		return Buffer.concat(this.#parts);
	}

	/** Head and body of the response; body empty while the head is not whole. */
	get response(): { head: string; body: Buffer } {
		const { bytes } = this;
		const end = bytes.indexOf('\r\n\r\n');
		return end < 0
			? { head: bytes.toString('latin1'), body: Buffer.alloc(0) }
			: { head: bytes.toString('latin1', 0, end), body: bytes.subarray(end + 4) };
	}
}

function bind(): ServerHandle {
	const handle = bindHandle('127.0.0.1', 0);
	if (typeof handle === 'string') {
		throw new Error(handle);
	}
	handles.push(handle);
	return handle;
}
