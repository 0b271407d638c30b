import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { credentialsOf, httpAccessRequest } from '#src/access/http-request.js';

const NOTHING = { user: '', password: '', token: '' };
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

const CASES: { authorization: string | undefined; query: string; credentials: typeof NOTHING }[] = [
	{ authorization: undefined, query: '', credentials: NOTHING },
	{ authorization: undefined, query: 'user=a&pass=b%20c', credentials: { user: 'a', password: 'b c', token: '' } },
	{ authorization: undefined, query: 'token=a.b.c&x=1', credentials: { ...NOTHING, token: 'a.b.c' } },
	{ authorization: basic('a:b:c'), query: '', credentials: { user: 'a', password: 'b:c', token: '' } },
	{ authorization: 'basic YTo=', query: '', credentials: { user: 'a', password: '', token: '' } },
	{
		authorization: 'Bearer a.b.c',
		query: 'token=other&user=u',
		credentials: { ...NOTHING, token: 'a.b.c', user: 'u' },
	},
	{ authorization: 'bearer  a', query: '', credentials: { ...NOTHING, token: 'a' } },
	{ authorization: basic('no colon'), query: 'user=u', credentials: { ...NOTHING, user: 'u' } },
	{ authorization: 'Basic ???', query: '', credentials: NOTHING },
	{ authorization: 'Digest username="a"', query: '', credentials: NOTHING },
	{ authorization: '', query: '', credentials: NOTHING },
];

describe('credentials of a request by HTTP', () => {
	for (const { authorization, query, credentials } of CASES) {
		it(`are ${JSON.stringify(credentials)} with ${authorization ?? 'no header'} and ?${query}`, () => {
			assert.deepEqual(credentialsOf(authorization, query), credentials);
		});
	}

	it('are read or ignored, whatever is sent', () => {
		fc.assert(
			fc.property(fc.string(), fc.string(), (authorization, query) => {
				for (const value of Object.values(credentialsOf(authorization, query))) {
					assert.equal(typeof value, 'string');
				}
			}),
		);
	});
});

describe('the access request of a request by HTTP', () => {
	it('has the address without port and mapping, the referrer and the user agent', () => {
		const request = httpAccessRequest(
			{
				headers: { referer: 'https://tv.example/', 'user-agent': 'VLC' },
				socket: { remoteAddress: '::ffff:192.0.2.1', remotePort: 7 },
			} as Parameters<typeof httpAccessRequest>[0],
			{
				...{ action: 'view', asked: { app: 'live', name: 'a' }, protocol: 'hls', query: 'a=1' },
				...{ sessionId: 's-1', number: 1 },
			},
		);
		const { ip, port, pageUrl, userAgent, query, action } = request;
		assert.deepEqual(
			{ ip, port, pageUrl, userAgent, query, action },
			{ ip: '192.0.2.1', port: 7, pageUrl: 'https://tv.example/', userAgent: 'VLC', query: 'a=1', action: 'view' },
		);
	});
});
