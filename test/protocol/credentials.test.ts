import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
	basicAuthorization,
	shownAddress,
	splitCredentials,
	withCredentialQuery,
	withoutCredentials,
} from '#src/protocol/credentials.js';

describe('the user and password in a URL', () => {
	const CASES: readonly [url: string, address: string, user: string | null, password?: string][] = [
		['http://origin:8501', 'http://origin:8501', null],
		['http://origin:8501/a@b', 'http://origin:8501/a@b', null],
		['http://origin/?q=a@b', 'http://origin/?q=a@b', null],
		['http://me:secret@origin:8501', 'http://origin:8501', 'me', 'secret'],
		['rtmp://me@origin/x', 'rtmp://origin/x', 'me', ''],
		['https://:only@origin', 'https://origin', '', 'only'],
		['wss://m%40e:p%3As%2Fs@[::1]:80/x/', 'wss://[::1]:80/x/', 'm@e', 'p:s/s'],
		['http://a:b:c@d@origin/', 'http://origin/', 'a', 'b:c@d'],
		['http://50%:off%zz@origin', 'http://origin', '50%', 'off%zz'],
	];
	for (const [url, address, user, password = ''] of CASES) {
		it(`leave ${url}`, () => {
			const credentials = user === null ? null : { user, password };
			assert.deepEqual(splitCredentials(url), { address, credentials });
		});
	}

	it('are shown as being there, and never themselves', () => {
		assert.equal(shownAddress(splitCredentials('http://me:secret@origin/x')), 'http://***@origin/x');
		assert.equal(shownAddress(splitCredentials('http://origin/x')), 'http://origin/x');
	});

	it('do not come out again, whatever they are', () => {
		const part = fc
			.string({ minLength: 4, maxLength: 12 })
			.filter((text) => !'http://origin:8501/live***'.includes(text));
		fc.assert(
			fc.property(part, part, (user, password) => {
				const url = `http://${encodeURIComponent(user)}:${encodeURIComponent(password)}@origin:8501/live`;
				const { address, credentials } = splitCredentials(url);
				assert.deepEqual(credentials, { user, password });
				assert.equal(address, 'http://origin:8501/live');
				const text = withoutCredentials(`cannot read "${url}", or ${url}: no`);
				assert.equal(text, 'cannot read "http://***@origin:8501/live", or http://***@origin:8501/live: no');
			}),
		);
	});

	it('go into a header for HTTP, and into the query for RTMP', () => {
		const credentials = { user: 'Aladdin', password: 'open sesame' };
		assert.equal(basicAuthorization(credentials), 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='); // RFC 7617, section 2
		assert.equal(withCredentialQuery('cam', credentials), 'cam?user=Aladdin&pass=open+sesame');
		assert.equal(withCredentialQuery('cam?x=1', credentials), 'cam?x=1&user=Aladdin&pass=open+sesame');
		assert.equal(withCredentialQuery('cam', null), 'cam');
	});
});
