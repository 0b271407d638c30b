// Spec: RTMP 1.0, section 5.2 (Handshake); the signed variant as in handshake-digest.ts

import { randomBytes } from 'node:crypto';
import { PeerError } from '../../errors.js';
import {
	DIGEST_SCHEMAS,
	findDigest,
	HANDSHAKE_BYTES,
	isSignedAnswer,
	PLAYER_KEYS,
	SERVER_KEYS,
	signAnswer,
	writeDigest,
} from './handshake-digest.js';

const RTMP_VERSION = 3;
/** Versions that say "I sign": below them a peer expects its bytes back. The server's is what flash players accept. */
const SERVER_SIGNING_VERSION = 0x04050001;
const PLAYER_SIGNING_VERSION = 0x09007c02;

/** Collects a fixed number of bytes from chunks that are cut anywhere. */
class Collector {
	readonly #buffer: Buffer;
	#filled = 0;

	constructor(size: number) {
		this.#buffer = Buffer.allocUnsafe(size);
	}

	/** Copies what is missing from `chunk`. @returns how many bytes of it were taken. */
	take(chunk: Buffer): number {
		const taken = chunk.copy(this.#buffer, this.#filled, 0, this.#buffer.length - this.#filled);
		this.#filled += taken;
		return taken;
	}

	get full(): boolean {
		return this.#filled === this.#buffer.length;
	}

	get bytes(): Buffer {
		return this.#buffer;
	}
}

/**
 * The server's side. Feed it with `push` until it returns something; answers go to `send`.
 * C0 is checked as soon as it is there, so that another protocol on this port is recognised by its first byte.
 */
export class ServerHandshake {
	readonly #send: (bytes: Buffer) => void;
	readonly #hello = new Collector(1 + HANDSHAKE_BYTES);
	readonly #answer = new Collector(HANDSHAKE_BYTES);

	constructor(send: (bytes: Buffer) => void) {
		this.#send = send;
	}

	/**
	 * @returns null while the handshake goes on, else the bytes of `chunk` that follow it (a view, maybe empty).
	 * @throws PeerError RTMP_VERSION
	 */
	push(chunk: Buffer): Buffer | null {
		let rest = chunk;
		if (!this.#hello.full && rest.length > 0) {
			rest = rest.subarray(this.#hello.take(rest));
			checkVersion(this.#hello.bytes[0]!);
			if (this.#hello.full) {
				this.#send(serverReply(this.#hello.bytes.subarray(1)));
			}
		}
		rest = rest.subarray(this.#answer.take(rest));
		// C2 is not compared: several encoders send other bytes than they should, and nothing depends on it.
		return this.#answer.full ? rest : null;
	}
}

/** The client's side: sends C0 and C1 at once, then works like ServerHandshake. */
export class ClientHandshake {
	readonly #send: (bytes: Buffer) => void;
	readonly #answer = new Collector(1 + HANDSHAKE_BYTES * 2);
	readonly #ownDigest: Buffer | null;

	/** @param signed whether C1 carries a digest, which flash media servers want before they play H.264. */
	constructor(send: (bytes: Buffer) => void, signed: boolean) {
		this.#send = send;
		const hello = randomBytes(1 + HANDSHAKE_BYTES);
		const c1 = hello.subarray(1);
		hello[0] = RTMP_VERSION;
		writeTimeAndVersion(c1, signed ? PLAYER_SIGNING_VERSION : 0);
		this.#ownDigest = signed ? writeDigest(c1, DIGEST_SCHEMAS[0], PLAYER_KEYS) : null;
		send(hello);
	}

	/**
	 * @returns null while the handshake goes on, else the bytes of `chunk` that follow it (a view, maybe empty).
	 * @throws PeerError RTMP_VERSION, or RTMP_HANDSHAKE when the server signs but does not know the key.
	 */
	push(chunk: Buffer): Buffer | null {
		const rest = chunk.subarray(this.#answer.take(chunk));
		const { bytes, full } = this.#answer;
		if (chunk.length > 0) {
			checkVersion(bytes[0]!);
		}
		if (!full) {
			return null;
		}
		const s1 = bytes.subarray(1, 1 + HANDSHAKE_BYTES);
		const s2 = bytes.subarray(1 + HANDSHAKE_BYTES);
		const signature = this.#ownDigest === null ? null : findDigest(s1, SERVER_KEYS);
		if (signature === null || this.#ownDigest === null) {
			this.#send(s1);
			return rest;
		}
		if (!isSignedAnswer(s2, this.#ownDigest, SERVER_KEYS)) {
			throw new PeerError('RTMP_HANDSHAKE', 'S2 is not signed with the key of a server');
		}
		const c2 = randomBytes(HANDSHAKE_BYTES);
		signAnswer(c2, signature.digest, PLAYER_KEYS);
		this.#send(c2);
		return rest;
	}
}

/** S0, S1 and S2 for a client's C1: signed in the client's own schema, or simple when C1 is not signed. */
function serverReply(c1: Buffer): Buffer {
	const reply = randomBytes(1 + HANDSHAKE_BYTES * 2);
	const s1 = reply.subarray(1, 1 + HANDSHAKE_BYTES);
	const s2 = reply.subarray(1 + HANDSHAKE_BYTES);
	reply[0] = RTMP_VERSION;
	const signature = findDigest(c1, PLAYER_KEYS);
	if (signature === null) {
		writeTimeAndVersion(s1, 0);
		c1.copy(s2);
		return reply;
	}
	writeTimeAndVersion(s1, SERVER_SIGNING_VERSION);
	writeDigest(s1, signature.schema, SERVER_KEYS);
	signAnswer(s2, signature.digest, SERVER_KEYS);
	return reply;
}

function writeTimeAndVersion(packet: Buffer, version: number): void {
	packet.writeUInt32BE(Math.trunc(performance.now()) >>> 0, 0); // time
	packet.writeUInt32BE(version, 4); // zero, or the version of a signing peer
}

function checkVersion(version: number): void {
	if (version !== RTMP_VERSION) {
		throw new PeerError('RTMP_VERSION', `got 0x${version.toString(16).padStart(2, '0')}`);
	}
}
