import type { ErrorCode } from '#src/errors.js';
import { RingControl } from '#src/ring/ring-control.js';
import { RingWriter } from '#src/ring/ring-writer.js';
import { PublishRequests } from '#src/stream/publish/publish-requests.js';
import type { PublishGrant, StreamInfo, ThreadToCoordinator } from '#src/stream/thread-messages.js';
import { testConfig } from './config.js';
import { keptLog } from './silent-log.js';

/** Publish requests with a coordinator that grants everything, as soon as `grants` is true, and remembers what it was told. */
export class RequestsWithCoordinator {
	readonly requests: PublishRequests;
	readonly told: ThreadToCoordinator[] = [];
	readonly streams = new Map<string, { info: StreamInfo; control: RingControl }>();
	readonly lines;
	grants = true;
	#waiting: (ThreadToCoordinator & { type: 'publish-request' })[] = [];
	#lastId = 0;

	constructor(overrides: Record<string, unknown> = {}) {
		const { log, lines } = keptLog();
		this.lines = lines;
		this.requests = new PublishRequests({ config: testConfig(overrides), log, send: (message) => this.#hear(message) });
	}

	/** Answers everything that was asked while `grants` was false. */
	grantAll(): void {
		for (const request of this.#waiting.splice(0)) {
			this.#grant(request);
		}
	}

	refuseAll(code: ErrorCode, message: string): void {
		for (const { requestId } of this.#waiting.splice(0)) {
			this.requests.handle({ type: 'publish-verdict', requestId, verdict: { granted: false, code, message } });
		}
	}

	/** The last grant given out. */
	get lastId(): number {
		return this.#lastId;
	}

	/** Returns the messages to the coordinator, without the requests to publish. */
	news(): string[] {
		return this.told
			.filter(({ type }) => type !== 'publish-request')
			.map((message) => `${message.type}${'code' in message ? ` ${message.code}` : ''}`);
	}

	#hear(message: ThreadToCoordinator): void {
		this.told.push(message);
		if (message.type === 'publish-request') {
			this.#waiting.push(message);
			if (this.grants) {
				queueMicrotask(() => this.grantAll());
			}
		}
	}

	#grant({ requestId, name }: ThreadToCoordinator & { type: 'publish-request' }): void {
		const { key } = name;
		const known = this.streams.get(key);
		const ring = known?.info.ring ?? RingWriter.allocate(1024 ** 2);
		const stream = known ?? {
			info: { streamId: this.streams.size + 1, name, ring, counterSlot: 0 },
			control: new RingControl(ring),
		};
		this.streams.set(key, stream);
		const { info, control } = stream;
		const grant: PublishGrant = {
			publicationId: ++this.#lastId,
			stream: info,
			resumed: control.hasRecords,
			writerEpoch: control.grantWriter(),
		};
		this.requests.handle({ type: 'publish-verdict', requestId, verdict: { granted: true, grant } });
	}
}
