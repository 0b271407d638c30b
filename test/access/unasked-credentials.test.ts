import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Access } from '#src/access/access.js';
import { type AccessRequest, UNSAID } from '#src/access/request.js';
import { keptLog, type LogLine } from '../support/silent-log.js';

const VALUE = 'hunter2';

function asked(query: string, action: AccessRequest['action'] = 'publish'): AccessRequest {
	const stream = { app: 'live', name: 'cam' };
	return {
		...UNSAID,
		...{ action, asked: stream, protocol: 'rtmp', ip: '10.0.0.1', port: 5, query, sessionId: 'x-1', number: 1 },
	};
}

function linesOf(...queries: string[]): LogLine[] {
	const { log, lines } = keptLog();
	const access = new Access('test', log);
	for (const query of queries) {
		void access.judge(asked(query));
	}
	return lines;
}

describe('a credential that no rule asks for', () => {
	for (const name of ['token', 'key', 'sign', 'secret', 'jwt', 'pass', 'streamKey']) {
		it(`is logged when it is called ${name}: once, and without its value`, () => {
			const lines = linesOf(`${name}=${VALUE}`, `x=1&${name}=${VALUE}`, `${name}=other`);
			assert.deepEqual(
				lines.map(({ msg, parameter, app, stream }) => [msg, parameter, app, stream]),
				[[`a peer sends ?${name}=, and no rule asks for it: everybody is allowed`, name, 'live', 'cam']],
			);
			assert.ok(!JSON.stringify(lines).includes(VALUE));
		});
	}

	it('is logged for each of several, also when RTMP brings two queries in one', () => {
		assert.deepEqual(
			linesOf(`token=${VALUE}&vhost=a&sign=${VALUE}`).map(({ parameter }) => parameter),
			['token', 'sign'],
		);
	});

	it('is not seen in what is none', () => {
		assert.deepEqual(linesOf('', '_HLS_msn=4&_HLS_part=1', 'start=-60', 'monkey=1', 'x=token=1', 'tokens=1'), []);
	});

	it('is not logged for a name that is refused', () => {
		const { log, lines } = keptLog();
		const verdict = new Access('test', log).judge({ ...asked('token=1'), asked: { app: '..', name: 'x' } });
		assert.ok(!(verdict instanceof Promise) && !verdict.allowed);
		assert.deepEqual(lines, []);
	});
});
