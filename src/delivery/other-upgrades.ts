// Spec: RFC 9110, section 7.8 (Upgrade): a server may ignore the field; RFC 7540, section 3.2 (h2c, HTTP2-Settings)

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { LentSocket } from './lent-socket.js';

/** Fields that are about the offer, and the option of Connection that names it. */
const OF_OFFER = ['upgrade', 'http2-settings'];

export function asksForWebSocket({ headers }: IncomingMessage): boolean {
	return headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * An offer that we do not take: curl and Java offer h2c with every request, one with a body among them. node:http has stopped
 * reading at the end of its head, which is put back without the offer. The result is a connection to be served from its beginning.
 */
export function readAgain(request: IncomingMessage, socket: LentSocket | Socket, rest: Buffer): LentSocket {
	const connection = socket instanceof LentSocket ? socket : new LentSocket(socket);
	connection.unshift(Buffer.concat([headWithoutOffer(request), rest]));
	return connection;
}

function headWithoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
	const lines = [`${method} ${url} HTTP/${httpVersion}`];
	for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
		const [name, value] = [rawHeaders[index]!, rawHeaders[index + 1]!];
		if (name.toLowerCase() === 'connection') {
			const options = value.split(',').filter((option) => !OF_OFFER.includes(option.trim().toLowerCase()));
			lines.push(...(options.length === 0 ? [] : [`${name}: ${options.join(',')}`]));
		} else if (!OF_OFFER.includes(name.toLowerCase())) {
			lines.push(`${name}: ${value}`);
		}
	}
	return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
