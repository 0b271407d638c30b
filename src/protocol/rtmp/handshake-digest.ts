// Spec: RTMPE clean-room specification (lkcl.net/rtmp), "Client First Exchange" to "Generate Second Response"; no encryption

import { createHmac, timingSafeEqual } from 'node:crypto';

export const HANDSHAKE_BYTES = 1536;
const DIGEST_BYTES = 32;

const SHARED_SECRET = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const SERVER_NAME = Buffer.from('Genuine Adobe Flash Media Server 001');
const PLAYER_NAME = Buffer.from('Genuine Adobe Flash Player 001');

/** Keys of one side: `name` signs its first packet, `full` the answer to the other side's. */
export type HandshakeKeys = { readonly name: Buffer; readonly full: Buffer };

export const SERVER_KEYS: HandshakeKeys = { name: SERVER_NAME, full: Buffer.concat([SERVER_NAME, SHARED_SECRET]) };
export const PLAYER_KEYS: HandshakeKeys = { name: PLAYER_NAME, full: Buffer.concat([PLAYER_NAME, SHARED_SECRET]) };

/**
 * The places of the four bytes that sum up to the digest's place: schema 0 in the first half of the packet, schema 1 in
 * the second.
 */
export const DIGEST_SCHEMAS = [8, 772] as const;
export type DigestSchema = (typeof DIGEST_SCHEMAS)[number];

const DIGEST_RANGE = 728;

/** The digest that signs `packet` (C1 or S1) and its schema, or null when it is a simple handshake. */
export function findDigest(packet: Buffer, keys: HandshakeKeys): { schema: DigestSchema; digest: Buffer } | null {
	for (const schema of DIGEST_SCHEMAS) {
		const at = digestOffset(packet, schema);
		const digest = packet.subarray(at, at + DIGEST_BYTES);
		if (timingSafeEqual(digest, digestOf(packet, at, keys))) {
			return { schema, digest };
		}
	}
	return null;
}

/** Writes into `packet` (C1 or S1, otherwise complete) the digest that signs it, and returns it. */
export function writeDigest(packet: Buffer, schema: DigestSchema, keys: HandshakeKeys): Buffer {
	const at = digestOffset(packet, schema);
	const digest = digestOf(packet, at, keys);
	digest.copy(packet, at);
	return digest;
}

/** Signs `packet` (S2 or C2) in its last 32 bytes as the answer to `peerDigest`. */
export function signAnswer(packet: Buffer, peerDigest: Buffer, keys: HandshakeKeys): void {
	answerSignature(packet, peerDigest, keys).copy(packet, HANDSHAKE_BYTES - DIGEST_BYTES);
}

/** True when `packet` (S2 or C2) is a signed answer to `ownDigest`. */
export function isSignedAnswer(packet: Buffer, ownDigest: Buffer, keys: HandshakeKeys): boolean {
	return timingSafeEqual(packet.subarray(HANDSHAKE_BYTES - DIGEST_BYTES), answerSignature(packet, ownDigest, keys));
}

function digestOffset(packet: Buffer, schema: DigestSchema): number {
	const sum = packet[schema]! + packet[schema + 1]! + packet[schema + 2]! + packet[schema + 3]!;
	return schema + 4 + (sum % DIGEST_RANGE);
}

/** HMAC-SHA256 over the packet without the digest's own bytes. */
function digestOf(packet: Buffer, at: number, keys: HandshakeKeys): Buffer {
	return createHmac('sha256', keys.name)
		.update(packet.subarray(0, at))
		.update(packet.subarray(at + DIGEST_BYTES))
		.digest();
}

function answerSignature(packet: Buffer, digest: Buffer, keys: HandshakeKeys): Buffer {
	const key = createHmac('sha256', keys.full).update(digest).digest();
	return createHmac('sha256', key)
		.update(packet.subarray(0, HANDSHAKE_BYTES - DIGEST_BYTES))
		.digest();
}
