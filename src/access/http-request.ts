// Spec: RFC 7617 (Basic), RFC 6750 (Bearer).

import type { IncomingMessage } from 'node:http';
import { peerOf } from './address.js';
import { type AccessRequest, UNSAID } from './request.js';

const BASIC = /^basic +([A-Za-z0-9+/=]+) *$/i;
const BEARER = /^bearer +(\S+) *$/i;

type Credentials = Pick<AccessRequest, 'user' | 'password' | 'token'>;

/** Makes the AccessRequest of a request by HTTP or of a WebSocket handshake. `query` is without `?`. */
export function httpAccessRequest(
	{ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
	wish: Pick<AccessRequest, 'action' | 'asked' | 'protocol' | 'query' | 'sessionId' | 'number'>,
): AccessRequest {
	return {
		...UNSAID,
		...wish,
		...peerOf(socket),
		...credentialsOf(headers.authorization, wish.query),
		pageUrl: headers.referer ?? '',
		userAgent: headers['user-agent'] ?? '',
	};
}

/** The credentials of a header and of a query; those of the header win. A header that cannot be read says nothing. */
export function credentialsOf(authorization: string | undefined, query: string): Credentials {
	const asked = queryCredentials(query);
	if (authorization === undefined) {
		return asked;
	}
	const [, token] = BEARER.exec(authorization) ?? [];
	if (token !== undefined) {
		return { ...asked, token };
	}
	const [, encoded] = BASIC.exec(authorization) ?? [];
	const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString();
	const colon = text.indexOf(':');
	return colon < 0 ? asked : { ...asked, user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** `user=`, `pass=` and `token=` of a query, as people write them into addresses of streams. */
export function queryCredentials(query: string): Credentials {
	if (query === '') {
		return { user: '', password: '', token: '' };
	}
	const given = new URLSearchParams(query);
	return { user: given.get('user') ?? '', password: given.get('pass') ?? '', token: given.get('token') ?? '' };
}
