import type { IncomingMessage } from 'node:http';
import type { Representation } from './representation.js';
import type { Exchange } from './respond.js';

/** The file that a request asks for. */
export type Wanted = {
	/** See localPathOf. */
	local: string;
	/** With its `?`; '' = none. */
	query: string;
	request: IncomingMessage;
};

/** The answer of a source: null = no such file; a function sends an answer of its own making. */
export type Supply = Representation | null | ((exchange: Exchange) => void);

/** The place that a file server gets its files from. */
export type FileSource = {
	/** Returns the answer that can be given at once, without a wait. */
	hot(wanted: Wanted): Representation | null;
	/** Rejects with PeerError when the fault is somebody else's. */
	find(wanted: Wanted): Promise<Supply>;
};
