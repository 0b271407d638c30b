import { LISTENER_NAMES } from '../config/listeners.js';
import type { Config } from '../config/schema.js';
import { createLogger, type Logger } from '../log/logger.js';
import { type AnswerMessage, answerQuery, type QuerySource } from '../process/process-port.js';
import { LISTEN_BACKLOG } from '../stream/connection-limits.js';
import { type PrimaryMessage, primaryMessageOf, type RoleMessage, type StartMessage } from './messages.js';
import { listenAndClose } from './server-handle.js';

/** The work of a role process: the coordinator, or a stand-in in tests. */
export type RoleProcess = QuerySource & {
	/** Resolves when every port is accepted on. */
	start(): Promise<void>;
	reload(config: Config): void;
	/** Stops accepting and ends all sessions politely, after `deadlineMs` impolitely. */
	drain(deadlineMs: number): Promise<void>;
};

export type ProcessContext = {
	start: StartMessage;
	log: Logger;
	/** The process cannot go on: it ends, and the primary starts another. */
	onFatal: (reason: string) => void;
};

const EXIT_BAD_INPUT = 2;

/**
 * The life of a role process, as the primary wants it. Signals are the primary's: a terminal sends them to all processes at once.
 * When the primary is gone, node:cluster ends this process, and with it the ports are free again.
 */
export function serveProcess(build: (context: ProcessContext) => RoleProcess): void {
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
		process.on(signal, () => undefined);
	}
	process.once('message', (message) => {
		const start = primaryMessageOf(message);
		if (start.type !== 'start') {
			throw new TypeError(`expected a start message, got ${start.type}`);
		}
		void runProcess(start, build);
	});
	send({ type: 'loaded' });
}

async function runProcess(start: StartMessage, build: (context: ProcessContext) => RoleProcess): Promise<void> {
	const log = createLogger(start.config.log.level, { role: start.kind, process: start.index });
	process.on('uncaughtException', (error) => {
		log.fatal({ err: error }, 'the role process cannot go on');
		process.exit(1);
	});
	const { descriptors, refused } = listenOnAll(start.descriptors);
	if (refused !== null) {
		send(refused, () => process.exit(EXIT_BAD_INPUT));
		return;
	}
	const role = build({ start: { ...start, descriptors }, log, onFatal: () => process.exit(1) });
	process.on('message', (message) => {
		void obey(primaryMessageOf(message), role, log);
	});
	await role.start();
	send({ type: 'ready' });
}

async function obey(message: PrimaryMessage, role: RoleProcess, log: Logger): Promise<void> {
	switch (message.type) {
		case 'start':
			throw new TypeError('started twice');
		case 'reload':
			log.level = message.config.log.level;
			role.reload(message.config);
			break;
		case 'drain':
			await role.drain(message.deadlineMs);
			process.exit(0);
			break;
		case 'ping':
			send({ type: 'pong' });
			break;
		case 'query':
			send(await answerQuery(message, role));
			break;
	}
}

type Listening = { descriptors: StartMessage['descriptors']; refused: RoleMessage | null };

/**
 * Puts every socket into the listening state, at the price of one descriptor each. So a socket that cannot be listened
 * on is known before anything else starts, and from here on connections wait for the threads. @returns the descriptors
 * that are left.
 */
function listenOnAll(given: StartMessage['descriptors']): Listening {
	const descriptors: StartMessage['descriptors'] = {};
	let refused: RoleMessage | null = null;
	for (const name of LISTENER_NAMES) {
		const [first, ...rest] = given[name] ?? [];
		if (first !== undefined) {
			const error = listenAndClose(first, LISTEN_BACKLOG);
			refused ??= error === null ? null : { type: 'cannot-listen', listener: name, error };
			descriptors[name] = rest;
		}
	}
	return { descriptors, refused };
}

function send(message: RoleMessage | AnswerMessage, sent?: () => void): void {
	process.send?.(message, undefined, undefined, sent);
}
