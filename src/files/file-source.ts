import type { IncomingMessage } from 'node:http';
import type { Representation } from './representation.js';
import type { Exchange } from './respond.js';

/** What a request asks for. */
export type Wanted = {
	/** See localPathOf. */
	local: string;
	/** With its `?`; '' = none. */
	query: string;
	request: IncomingMessage;
};

/** What a source has: null = no such file; a function sends an answer of its own making. */
export type Supply = Representation | null | ((exchange: Exchange) => void);

/** Where a file server gets its files from. */
export type FileSource = {
	/** What can be answered with at once, without a wait. */
	hot(wanted: Wanted): Representation | null;
	/** Rejects with PeerError when the fault is somebody else's. */
	find(wanted: Wanted): Promise<Supply>;
};
