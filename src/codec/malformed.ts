import { PeerError } from '../errors.js';

/** Ends the parsing of a decoder configuration: the peer sent something that no decoder can use. */
export function malformed(detail: string): never {
	throw new PeerError('CODEC_CONFIG', detail);
}

/** Runs `parse`; a read past the end of its bytes (RangeError) becomes a PeerError CODEC_CONFIG that names `what`. */
export function parsing<T>(what: string, parse: () => T): T {
	try {
		return parse();
	} catch (error) {
		if (error instanceof RangeError) {
			malformed(`${what}: ${error.message}`);
		}
		throw error;
	}
}
