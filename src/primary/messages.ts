import type { ListenerName } from '../config/listeners.js';
import type { Config } from '../config/schema.js';
import type { AnswerMessage, QueryMessage } from '../process/process-port.js';
import type { ProcessKind } from './processes.js';

/**
 * Every message between the primary and a role process: JSON over the cluster's IPC channel. Both ends are the same program and nobody
 * else can write to the channel, so only the type of a message is checked. A schema library would be half of a role process's start.
 */

export type StartMessage = {
	type: 'start';
	kind: ProcessKind;
	/** Among the processes of the role. */
	index: number;
	config: Config;
	/** Only for a delivery process: the Unix socket of its origin process. */
	originSocket?: string | undefined;
	/** Bound ports of the whole role. */
	ports: Partial<Record<ListenerName, number>>;
	/** Inherited descriptors of each listening socket, one for every thread that may listen on it and spares. */
	descriptors: Partial<Record<ListenerName, number[]>>;
};

export type PrimaryMessage =
	| StartMessage
	| { type: 'reload'; config: Config }
	/** Stop accepting, end every session politely and exit, all within `deadlineMs`. */
	| { type: 'drain'; deadlineMs: number }
	/** Answered by `pong`; a process that does not answer hangs. */
	| { type: 'ping' }
	| QueryMessage;

export type RoleMessage =
	/** The process listens to messages: what comes before is lost. Answered by `start`. */
	| { type: 'loaded' }
	/** All threads accept connections. */
	| { type: 'ready' }
	| { type: 'pong' }
	/** A bound socket cannot be listened on: another program was quicker. */
	| { type: 'cannot-listen'; listener: ListenerName; error: string }
	| AnswerMessage;

const PRIMARY_TYPES: readonly string[] = [
	'start',
	'reload',
	'drain',
	'ping',
	'query',
] satisfies PrimaryMessage['type'][];
const ROLE_TYPES: readonly string[] = [
	'loaded',
	'ready',
	'pong',
	'cannot-listen',
	'answer',
] satisfies RoleMessage['type'][];

/** Takes what came from the primary for one of its messages. Throws TypeError for anything else. */
export function primaryMessageOf(received: unknown): PrimaryMessage {
	return messageOf<PrimaryMessage>(received, PRIMARY_TYPES);
}

/** Takes what came from a role process for one of its messages. Throws TypeError for anything else. */
export function roleMessageOf(received: unknown): RoleMessage {
	return messageOf<RoleMessage>(received, ROLE_TYPES);
}

function messageOf<T extends { type: string }>(received: unknown, types: readonly string[]): T {
	const { type } = Object(received) as { type?: unknown };
	if (typeof type !== 'string' || !types.includes(type)) {
		throw new TypeError(`not a message: ${JSON.stringify(received)}`);
	}
	return received as T;
}
