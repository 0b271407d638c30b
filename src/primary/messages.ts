import { z } from 'zod';
import { LISTENER_NAMES } from '../config/listeners.js';
import type { Config } from '../config/schema.js';
import { isTree } from '../config/tree.js';
import type { AnswerMessage, QueryMessage } from '../process/process-port.js';
import { PROCESS_KINDS } from './processes.js';

/**
 * Every message between the primary and a role process: JSON over the cluster's IPC channel. Both ends check what arrives; the
 * content of questions and answers is process/process-port.ts's business.
 */

/** Checked when the primary read it: the schema of the configuration reads what people write, and this is what came of it. */
const config = z.custom<Config>(isTree);

const startMessage = z.strictObject({
	type: z.literal('start'),
	kind: z.enum(PROCESS_KINDS),
	/** Among the processes of the role. */
	index: z.number().int().min(0),
	config,
	/** Only for a delivery process: the Unix socket of its origin process. */
	originSocket: z.string().optional(),
	/** Bound ports of the whole role. */
	ports: z.partialRecord(z.enum(LISTENER_NAMES), z.number().int()),
	/** Inherited descriptors of each listening socket, one for every thread that may listen on it and spares. */
	descriptors: z.partialRecord(z.enum(LISTENER_NAMES), z.array(z.number().int().min(3))),
});

export const primaryMessage = z.union([
	startMessage,
	z.strictObject({ type: z.literal('reload'), config }),
	/** Stop accepting, end every session politely and exit, all within `deadlineMs`. */
	z.strictObject({ type: z.literal('drain'), deadlineMs: z.number() }),
	/** Answered by `pong`; a process that does not answer hangs. */
	z.strictObject({ type: z.literal('ping') }),
	z.custom<QueryMessage>((message) => typeOf(message) === 'query'),
]);

export const roleMessage = z.union([
	/** The process listens to messages: what comes before is lost. Answered by `start`. */
	z.strictObject({ type: z.literal('loaded') }),
	/** All threads accept connections. */
	z.strictObject({ type: z.literal('ready') }),
	z.strictObject({ type: z.literal('pong') }),
	/** A bound socket cannot be listened on: another program was quicker. */
	z.strictObject({ type: z.literal('cannot-listen'), listener: z.enum(LISTENER_NAMES), error: z.string() }),
	z.custom<AnswerMessage>((message) => typeOf(message) === 'answer'),
]);

export type StartMessage = z.output<typeof startMessage>;
export type PrimaryMessage = z.output<typeof primaryMessage>;
export type RoleMessage = z.output<typeof roleMessage>;

function typeOf(message: unknown): unknown {
	return typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined;
}
