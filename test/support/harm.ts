import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, workerData } from 'node:worker_threads';

/**
 * A way to harm single threads of a running server without a hook in the server: this file is loaded into each of its threads
 * by NODE_OPTIONS, and waits there for an order in a file.
 */
export type Harm = { kind: 'ingest' | 'delivery' | 'remux'; how: 'crash' | 'hang' };

const ORDERS_VARIABLE = 'HARM_ORDERS';
const LOOK_INTERVAL_MS = 50;

/** Environment of a server whose threads can be harmed with orders in `directory`. */
export function harmable(directory: string): Record<string, string> {
	return { NODE_OPTIONS: `--import=${import.meta.url}`, [ORDERS_VARIABLE]: join(directory, 'harm.json') };
}

/** Harms a thread of one kind; the first that sees the order obeys. */
export function order(directory: string, harm: Harm): void {
	writeFileSync(join(directory, 'harm.json'), JSON.stringify(harm));
}

function obey(file: string, kind: string): void {
	const harm: Harm | null = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8') || 'null') : null;
	if (harm?.kind !== kind) {
		return;
	}
	rmSync(file);
	if (harm.how === 'crash') {
		throw new Error('killed by a test');
	}
	for (;;) {
		// Hangs: not even a heartbeat.
	}
}

const orders = process.env[ORDERS_VARIABLE];
if (!isMainThread && orders !== undefined) {
	// The threads of the remux pool are Piscina's, and are given no kind.
	const kind = typeof workerData?.kind === 'string' ? workerData.kind : 'remux';
	setInterval(() => obey(orders, kind), LOOK_INTERVAL_MS).unref();
}
