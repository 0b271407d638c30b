import { type MessagePort, threadId } from 'node:worker_threads';
import { LivePackaging, type LivePolicy } from './packaging.js';
import { Pulse } from './pulse.js';

/** The data with which packaging a stream starts in a remux thread. */
export type PackagingTask = {
	/** The stream's frames. */
	ring: SharedArrayBuffer;
	/** Its part ring. */
	parts: SharedArrayBuffer;
	policy: LivePolicy;
	/** Int32Array: PackagingWord. */
	signs: SharedArrayBuffer;
	/** PackagingCommand in, PackagingMessage out. Closed at the end. */
	port: MessagePort;
};

export type PackagingCommand =
	| { type: 'ring'; ring: SharedArrayBuffer }
	/** The stream has ended: do not wait for the next tick. */
	| { type: 'ended' };

/** The part ring has been replaced by one of another size. */
export type PackagingMessage = { type: 'parts'; parts: SharedArrayBuffer };

/** Signs of life of a task: a count of its steps, and its thread. */
export const PackagingWord = { beats: 0, threadId: 1 } as const;
export const PACKAGING_WORDS = 2;

/** A part is late by half of this on average. */
const INTERVAL_MS = 50;

const pulse = new Pulse(INTERVAL_MS);

/** Packages one stream in this thread, beside any number of others; resolves when the stream is over. */
export async function packageLive({ ring, parts, policy, signs, port }: PackagingTask): Promise<void> {
	const words = new Int32Array(signs);
	Atomics.store(words, PackagingWord.threadId, threadId);
	const moved = (fresh: SharedArrayBuffer): void => {
		port.postMessage({ type: 'parts', parts: fresh } satisfies PackagingMessage);
	};
	const packaging = new LivePackaging({ ring, parts, policy, moved });
	const beating = pulse.repeat(() => {
		Atomics.add(words, PackagingWord.beats, 1);
		return packaging.advance();
	});
	port.on('message', (command: PackagingCommand) => {
		if (command.type === 'ring') {
			packaging.replaceRing(command.ring);
		} else {
			beating.now();
		}
	});
	try {
		await beating.over;
	} finally {
		port.close();
	}
}
