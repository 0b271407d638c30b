import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientHandshake, ServerHandshake } from '#src/protocol/rtmp/handshake.js';
import {
	DIGEST_SCHEMAS,
	findDigest,
	HANDSHAKE_BYTES,
	isSignedAnswer,
	PLAYER_KEYS,
	SERVER_KEYS,
	signAnswer,
	writeDigest,
} from '#src/protocol/rtmp/handshake-digest.js';
import { everySplit, lend } from '../../support/splits.js';

const AFTER = Buffer.from('chunks follow');

/** A packet of known bytes; `fill` moves the place of the digest. */
function packet(fill: number): Buffer {
	return Buffer.from(Array.from({ length: HANDSHAKE_BYTES }, (_, index) => (index * 7 + fill) & 0xff));
}

for (const schema of DIGEST_SCHEMAS) {
	test(`a digest of the schema at ${schema} is found wherever its sum puts it`, () => {
		for (const fill of [0, 1, 100, 255]) {
			const c1 = packet(fill);
			const digest = Buffer.from(writeDigest(c1, schema, PLAYER_KEYS));
			assert.deepEqual(findDigest(c1, PLAYER_KEYS), { schema, digest });
			assert.equal(findDigest(c1, SERVER_KEYS), null);
		}
	});

	test(`the server answers a digest of the schema at ${schema} in the same schema, signed`, () => {
		const c1 = packet(3);
		const digest = writeDigest(c1, schema, PLAYER_KEYS);
		const replies: Buffer[] = [];
		const handshake = new ServerHandshake((bytes) => replies.push(bytes));
		assert.equal(handshake.push(Buffer.concat([Buffer.of(3), c1])), null);
		const [reply] = replies;
		assert.equal(reply?.length, 1 + 2 * HANDSHAKE_BYTES);
		const s1 = reply.subarray(1, 1 + HANDSHAKE_BYTES);
		assert.equal(findDigest(s1, SERVER_KEYS)?.schema, schema);
		assert.ok(isSignedAnswer(reply.subarray(1 + HANDSHAKE_BYTES), digest, SERVER_KEYS));
	});
}

test('a digest with one wrong bit is no digest', () => {
	const c1 = packet(9);
	writeDigest(c1, 8, PLAYER_KEYS);
	c1[1000]! ^= 1;
	assert.equal(findDigest(c1, PLAYER_KEYS), null);
});

test('the server echoes an unsigned C1 and says version 0', () => {
	const c1 = packet(0);
	const replies: Buffer[] = [];
	new ServerHandshake((bytes) => replies.push(bytes)).push(Buffer.concat([Buffer.of(3), c1]));
	assert.equal(replies[0]?.[0], 3);
	assert.equal(replies[0]?.readUInt32BE(5), 0);
	assert.deepEqual(replies[0]?.subarray(1 + HANDSHAKE_BYTES), c1);
});

test('the server reads C0, C1 and C2 cut anywhere and leaves what follows', () => {
	const hello = Buffer.concat([Buffer.of(3), packet(0), packet(1), AFTER]);
	for (const pieces of everySplit(hello)) {
		let replies = 0;
		const handshake = new ServerHandshake(() => replies++);
		const rests: Buffer[] = [];
		for (const piece of lend(pieces)) {
			const rest = rests.length > 0 ? piece : handshake.push(piece);
			if (rest !== null) {
				rests.push(Buffer.from(rest));
			}
		}
		assert.equal(Buffer.concat(rests).toString(), AFTER.toString());
		assert.equal(replies, 1);
	}
});

test('the server refuses another version at the first byte', () => {
	for (const first of ['G', '\x16', '\x06']) {
		assert.throws(() => new ServerHandshake(() => undefined).push(Buffer.from(first)), { code: 'RTMP_VERSION' });
	}
});

for (const signed of [true, false]) {
	test(`a ${signed ? 'signed' : 'simple'} handshake comes to an end on both sides`, () => {
		const toServer: Buffer[] = [];
		const toClient: Buffer[] = [];
		const server = new ServerHandshake((bytes) => toClient.push(bytes));
		const client = new ClientHandshake((bytes) => toServer.push(bytes), signed);
		assert.equal(server.push(toServer[0]!), null);
		assert.equal(client.push(Buffer.concat([...toClient, AFTER]))?.toString(), AFTER.toString());
		assert.equal(server.push(Buffer.concat([toServer[1]!, AFTER]))?.toString(), AFTER.toString());
		const s1 = toClient[0]!.subarray(1, 1 + HANDSHAKE_BYTES);
		const signature = findDigest(s1, SERVER_KEYS);
		assert.equal(signature !== null, signed);
		if (signature === null) {
			assert.deepEqual(toServer[1], s1);
		} else {
			assert.ok(isSignedAnswer(toServer[1]!, signature.digest, PLAYER_KEYS));
		}
	});
}

test('a client that signs takes a simple answer, and refuses one signed with the wrong key', () => {
	const sent: Buffer[] = [];
	const simple = new ClientHandshake((bytes) => sent.push(bytes), true);
	const s1 = packet(0);
	assert.ok(simple.push(Buffer.concat([Buffer.of(3), s1, packet(1)])));
	assert.deepEqual(sent[1], s1);

	writeDigest(s1, 8, SERVER_KEYS);
	const s2 = packet(1);
	signAnswer(s2, packet(0).subarray(0, 32), SERVER_KEYS);
	const fooled = new ClientHandshake(() => undefined, true);
	assert.throws(() => fooled.push(Buffer.concat([Buffer.of(3), s1, s2])), { code: 'RTMP_HANDSHAKE' });
});

test('the client reads S0, S1 and S2 cut anywhere and leaves what follows', () => {
	const answer = Buffer.concat([Buffer.of(3), packet(0), packet(1), AFTER]);
	for (const pieces of everySplit(answer)) {
		const handshake = new ClientHandshake(() => undefined, false);
		const rests: Buffer[] = [];
		for (const piece of lend(pieces)) {
			const rest = rests.length > 0 ? piece : handshake.push(piece);
			if (rest !== null) {
				rests.push(Buffer.from(rest));
			}
		}
		assert.equal(Buffer.concat(rests).toString(), AFTER.toString());
	}
});
