import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import pino from 'pino';
import { TagType } from '#src/container/flv/tag.js';
import { RingReader } from '#src/ring/ring-reader.js';
import type { PublisherInfo } from '#src/stream/thread-messages.js';
import { streamName } from '#src/stream-name.js';
import * as flv from '../../support/flv-bodies.js';
import { RequestsWithCoordinator } from '../../support/publish-requests.js';

const PUBLISHER: PublisherInfo = { protocol: 'rtmp', address: '127.0.0.1:1', query: 'key=secret' };
const noRevoke = (): void => assert.fail('nobody revoked it');

describe('publish requests', () => {
	it('gives out a publication once the coordinator has granted it', async () => {
		const stage = new RequestsWithCoordinator();
		stage.grants = false;
		let settled = false;
		const opening = stage.requests.open(streamName('live', 'a'), PUBLISHER, noRevoke).finally(() => (settled = true));
		await new Promise(setImmediate);
		assert.equal(settled, false);
		stage.grantAll();
		const publication = await opening;
		publication.push(TagType.audio, 0, flv.AAC_HEADER);
		assert.notEqual(new RingReader(publication.stream.ring).tail, 0);
		publication.close('PEER_GONE');
		assert.deepEqual(stage.news(), ['publication-ended PEER_GONE']);
	});

	it('passes on why a publish was refused', async () => {
		const stage = new RequestsWithCoordinator();
		stage.grants = false;
		const opening = stage.requests.open(streamName('live', 'a'), PUBLISHER, noRevoke);
		stage.refuseAll('PUBLISH_CONFLICT', 'somebody is there');
		await assert.rejects(opening, { code: 'PUBLISH_CONFLICT', message: /somebody is there/ });
		assert.deepEqual(stage.news(), []);
	});

	it('ends a revoked publication, says that it is released, and tells the session why', async () => {
		const stage = new RequestsWithCoordinator();
		const revoked: unknown[] = [];
		const publication = await stage.requests.open(streamName('live', 'a'), PUBLISHER, (...why) => revoked.push(why));
		const revoke = {
			type: 'revoke',
			publicationId: stage.lastId,
			code: 'PUBLISH_REPLACED',
			message: 'by another',
		} as const;
		stage.requests.handle(revoke);
		assert.equal(publication.closed, true);
		publication.close('PEER_GONE');
		stage.requests.handle(revoke);
		assert.deepEqual(stage.news(), ['publication-released']);
		assert.deepEqual(revoked, [['PUBLISH_REPLACED', 'by another']]);
	});

	it('tells both sides when a publication finds itself replaced', async () => {
		const stage = new RequestsWithCoordinator();
		const revoked: unknown[] = [];
		const first = await stage.requests.open(streamName('live', 'a'), PUBLISHER, (code) => revoked.push(code));
		first.push(TagType.audio, 0, flv.AAC_HEADER);
		const second = await stage.requests.open(streamName('live', 'a'), PUBLISHER, noRevoke);
		first.push(TagType.audio, 0, flv.aacFrame());
		assert.deepEqual(revoked, ['PUBLISH_REPLACED']);
		assert.deepEqual(stage.news(), ['publication-ended PUBLISH_REPLACED']);
		assert.equal(second.closed, false);
		assert.equal(stage.requests.publications, 1);
	});

	it('looks after every publication from one timer and has none when there is nothing to do', async () => {
		mock.timers.enable({ apis: ['setInterval'] });
		try {
			const stage = new RequestsWithCoordinator();
			const first = await stage.requests.open(streamName('live', 'a'), PUBLISHER, noRevoke);
			const second = await stage.requests.open(streamName('live', 'b'), PUBLISHER, noRevoke);
			const ticks: string[] = [];
			for (const publication of [first, second]) {
				mock.method(publication, 'tick', () => ticks.push(publication.stream.name.name));
			}
			mock.timers.tick(1000);
			assert.deepEqual(ticks, ['a', 'b']);
			first.close('PEER_GONE');
			second.close('PEER_GONE');
			mock.timers.tick(5000);
			assert.deepEqual(ticks, ['a', 'b']);
		} finally {
			mock.timers.reset();
		}
	});

	it('tells the coordinator of a bigger ring', async () => {
		const stage = new RequestsWithCoordinator();
		const publication = await stage.requests.open(streamName('live', 'a'), PUBLISHER, noRevoke);
		publication.push(TagType.video, 0, Buffer.concat([flv.avcKey(), new Uint8Array(300_000)]));
		assert.deepEqual(stage.news(), ['ring-grown']);
		publication.close('PEER_GONE');
	});

	it('ends everything when it closes, and grants nothing that comes in late', async () => {
		const stage = new RequestsWithCoordinator();
		const revoked: unknown[] = [];
		await stage.requests.open(streamName('live', 'a'), PUBLISHER, (code) => revoked.push(code));
		stage.grants = false;
		const late = stage.requests.open(streamName('live', 'b'), PUBLISHER, noRevoke);
		stage.requests.close('SERVER_STOPPING');
		stage.grantAll();
		await assert.rejects(late, { code: 'SERVER_STOPPING' });
		await assert.rejects(stage.requests.open(streamName('live', 'c'), PUBLISHER, noRevoke), {
			code: 'SERVER_STOPPING',
		});
		assert.deepEqual(revoked, ['SERVER_STOPPING']);
		assert.deepEqual(stage.news(), ['publication-ended SERVER_STOPPING', 'publication-ended SERVER_STOPPING']);
		assert.equal(stage.requests.publications, 0);
	});

	it('logs one line at the start, for operators, one at the end, for who looks for faults, and never the key', async () => {
		const stage = new RequestsWithCoordinator();
		const publication = await stage.requests.open(streamName('live', 'a'), PUBLISHER, noRevoke);
		publication.push(TagType.audio, 0, flv.AAC_HEADER);
		publication.close('PEER_GONE');
		assert.deepEqual(
			stage.lines.map(({ level, msg }) => [level, msg]),
			[
				[pino.levels.values['info'], 'publishing'],
				[pino.levels.values['debug'], 'publishing ended'],
			],
		);
		assert.equal(stage.lines[1]!['bytes'], flv.AAC_HEADER.length);
		assert.ok(!JSON.stringify(stage.lines).includes('secret'));
	});
});
