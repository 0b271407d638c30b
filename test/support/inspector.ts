import { once } from 'node:events';
import { WebSocket } from 'ws';
import { until } from './test-server.js';

/** For `env` of a server whose threads a test wants to harm: every process opens its inspector on a free port. */
export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

/** Inspector addresses of the processes of a server that has printed `output`, in the order of their start. */
export function inspectorsIn(output: string): string[] {
	return [...output.matchAll(/Debugger listening on (ws:\S+)/g)].map((match) => match[1]!);
}

type Message = {
	id?: number;
	method?: string;
	params?: { sessionId: string; message: string };
	result?: { result: { value: unknown } };
};

/** The threads of one process, reached through the Chrome DevTools Protocol. */
export class ThreadInspector {
	readonly #socket: WebSocket;
	readonly #sessions: string[] = [];
	readonly #answers = new Map<number, Message>();
	#nextId = 1;

	private constructor(socket: WebSocket) {
		this.#socket = socket;
		socket.on('message', (data) => this.#onMessage(JSON.parse(String(data))));
	}

	static async connect(url: string): Promise<ThreadInspector> {
		const socket = new WebSocket(url);
		await once(socket, 'open');
		const inspector = new ThreadInspector(socket);
		inspector.#send({ method: 'NodeWorker.enable', params: { waitForDebuggerOnStart: false } });
		await until('the threads are attached', () => inspector.#sessions.length > 0);
		return inspector;
	}

	/** Runs `expression` in every thread for which `condition`, an expression too, is true there; returns how many. */
	async evaluateWhere(condition: string, expression: string): Promise<number> {
		let matching = 0;
		for (const session of [...this.#sessions]) {
			const id = this.#evaluate(session, condition);
			await until('a thread answers', () => this.#answers.has(id));
			if (this.#answers.get(id)?.result?.result.value === true) {
				this.#evaluate(session, expression);
				matching++;
			}
		}
		return matching;
	}

	close(): void {
		this.#socket.terminate();
	}

	#evaluate(sessionId: string, expression: string): number {
		const id = this.#nextId++;
		const message = { id, method: 'Runtime.evaluate', params: { expression, returnByValue: true } };
		this.#send({ method: 'NodeWorker.sendMessageToWorker', params: { sessionId, message: JSON.stringify(message) } });
		return id;
	}

	#send(message: object): void {
		this.#socket.send(JSON.stringify({ id: this.#nextId++, ...message }));
	}

	#onMessage({ method, params }: Message): void {
		if (method === 'NodeWorker.attachedToWorker') {
			this.#sessions.push(params!.sessionId);
		} else if (method === 'NodeWorker.receivedMessageFromWorker') {
			const answer: Message = JSON.parse(params!.message);
			this.#answers.set(answer.id ?? 0, answer);
		}
	}
}
