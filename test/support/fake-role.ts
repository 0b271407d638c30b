import { BroadcastChannel, workerData } from 'node:worker_threads';
import { runThread } from '#src/process/run-thread.js';
import { RecordKind } from '#src/ring/layout.js';
import { RingWriter } from '#src/ring/ring-writer.js';
import type {
	CoordinatorToThread,
	PublishGrant,
	ThreadData,
	ThreadToCoordinator,
} from '#src/stream/thread-messages.js';
import { streamName } from '#src/stream-name.js';

/** A thread entry without sockets: does what a test tells it on a BroadcastChannel and tells the test what it hears. */
export type FakeCommand = {
	/** `ingest-0`. */
	to: string;
	do: 'publish' | 'write' | 'grow' | 'unpublish' | 'throw' | 'hang' | 'exit';
	app?: string;
	name?: string;
};
export type FakeReport = { from: string; life: string; heard: string; listeners?: ThreadData['listeners'] };

const AUDIO = new Uint8Array([0xaf, 1, 2, 3]);
const data = workerData as ThreadData;
const me = `${data.kind}-${data.index}`;
const life = `${me}@${process.hrtime.bigint()}`;
const channel = new BroadcastChannel(String(process.pid));

void runThread((_, send) => {
	let grant: PublishGrant | null = null;
	let writer: RingWriter | null = null;
	const report = (heard: string, more: Partial<FakeReport> = {}): void =>
		channel.postMessage({ from: me, life, heard, ...more } satisfies FakeReport);

	const obey = (command: FakeCommand): void => {
		switch (command.do) {
			case 'publish':
				send({
					type: 'publish-request',
					requestId: 1,
					name: streamName(command.app ?? 'live', command.name ?? 'a'),
					publisher: { protocol: 'rtmp', address: me, query: '' },
				});
				break;
			case 'write':
				report(writer?.write(RecordKind.audio, 0, 0, 0, AUDIO) ? 'written' : 'fenced');
				break;
			case 'grow':
				if (grant !== null && writer !== null) {
					writer = writer.grow(2 * 1024 ** 2);
					send({ type: 'ring-grown', publicationId: grant.publicationId, ring: writer.ring });
				}
				break;
			case 'unpublish':
				send({ type: 'publication-ended', publicationId: grant?.publicationId ?? 0, code: 'PEER_GONE' });
				break;
			case 'throw':
				throw new Error('told to fail');
			case 'hang':
				report('hanging');
				Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
				break;
			case 'exit':
				process.exit(3);
		}
	};

	const answer = (message: CoordinatorToThread): ThreadToCoordinator | null => {
		switch (message.type) {
			case 'publish-verdict':
				if (message.verdict.granted) {
					grant = message.verdict.grant;
					writer = RingWriter.attach(grant.stream.ring, grant.writerEpoch);
					report(grant.resumed ? 'granted resumed' : 'granted');
				} else {
					report(message.verdict.code);
				}
				return null;
			case 'revoke':
				report(`revoked ${message.code}`);
				return { type: 'publication-released', publicationId: message.publicationId };
			case 'push-port':
				message.port.on('message', (hello) => report(`port says ${hello}`));
				message.port.postMessage(me);
				return null;
			case 'drain':
				send({ type: 'publication-ended', publicationId: grant?.publicationId ?? 0, code: 'SERVER_STOPPING' });
				return { type: 'drained' };
			default:
				report('present' in message ? `${message.type} ${message.present}` : message.type);
				return null;
		}
	};

	return {
		start: async () => {
			channel.onmessage = (event) => {
				const command = (event as { data: FakeCommand }).data;
				if (command.to === me) {
					obey(command);
				}
			};
			report(`started with ${data.streams.length} streams`, { listeners: data.listeners });
		},
		handle: (message) => {
			const reply = answer(message);
			if (reply !== null) {
				send(reply);
			}
		},
	};
});
