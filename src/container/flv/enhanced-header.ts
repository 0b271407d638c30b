// Spec: Enhanced RTMP v2, "ExAudioTagHeader", "ExVideoTagHeader" and their bodies (ModEx, Multitrack): both have one shape.

import { readUint16, readUint24, readUint32 } from '../../bytes/big-endian.js';
import { PeerError } from '../../errors.js';
import { FOUR_CC_BYTES } from './four-cc.js';

/** AvMultitrackType. */
export const MultitrackType = { oneTrack: 0, manyTracks: 1, manyTracksManyCodecs: 2 } as const;

/** A tag with more tracks than this is refused. Track ids are one byte, so no honest tag has more. */
export const MAX_TRACKS_PER_TAG = 256;
/** A tag with more ModEx in a row than this is refused. */
export const MAX_MOD_EX = 16;
const MOD_EX_TIMESTAMP_OFFSET_NANO = 0;
const MAX_TIMESTAMP_OFFSET_NANO = 999_999;

/** The place of one track's part within a tag body. */
export type TrackRange = {
	trackId: number;
	/** As a number, big-endian; 0 in a legacy tag. */
	fourCc: number;
	/** The track's bytes are `body[start, end)`. */
	start: number;
	end: number;
};

export type EnhancedHeader = {
	/** The packet type behind ModEx and Multitrack, which holds for every track. */
	packetType: number;
	/** AvMultitrackType, or null without Multitrack. */
	multitrackType: number | null;
	/** To add to the tag's presentation time; 0 to 999,999. */
	timestampOffsetNano: number;
	tracks: TrackRange[];
};

/** The difference between the two kinds of enhanced tag. */
export type PacketTypes = { readonly multitrack: number; readonly modEx: number };

/**
 * Reads what follows the first byte of an enhanced tag. ModEx of unknown types is skipped.
 * @throws PeerError FLV_TAG when the body is too short for what it announces.
 */
export function parseEnhancedHeader(body: Uint8Array, types: PacketTypes): EnhancedHeader {
	const modEx = skipModEx(body, types);
	let { packetType, at } = modEx;
	if (packetType !== types.multitrack) {
		need(body, at, FOUR_CC_BYTES);
		const track = { trackId: 0, fourCc: readUint32(body, at), start: at + FOUR_CC_BYTES, end: body.length };
		return { packetType, multitrackType: null, timestampOffsetNano: modEx.timestampOffsetNano, tracks: [track] };
	}
	need(body, at, 1);
	const multitrackType = body[at]! >>> 4;
	packetType = body[at]! & 0x0f;
	at += 1;
	if (packetType === types.multitrack || multitrackType > MultitrackType.manyTracksManyCodecs) {
		throw new PeerError('FLV_TAG', `multitrack type ${multitrackType} with packet type ${packetType}`);
	}
	const tracks = parseTracks(body, at, multitrackType);
	return { packetType, multitrackType, timestampOffsetNano: modEx.timestampOffsetNano, tracks };
}

/** Reads the packet type in the low nibble of the first byte, or the one behind a chain of ModEx. */
export function skipModEx(
	body: Uint8Array,
	types: PacketTypes,
): { packetType: number; at: number; timestampOffsetNano: number } {
	let packetType = body[0]! & 0x0f;
	let at = 1;
	let timestampOffsetNano = 0;
	for (let count = 0; packetType === types.modEx; count++) {
		if (count === MAX_MOD_EX) {
			throw new PeerError('FLV_TAG', `more than ${MAX_MOD_EX} ModEx`);
		}
		need(body, at, 1);
		let size = body[at]! + 1; // modExDataSize
		at += 1;
		if (size === 256) {
			need(body, at, 2);
			size = readUint16(body, at) + 1;
			at += 2;
		}
		need(body, at, size + 1);
		const modExType = body[at + size]! >>> 4;
		if (modExType === MOD_EX_TIMESTAMP_OFFSET_NANO && size >= 3) {
			timestampOffsetNano = Math.min(readUint24(body, at), MAX_TIMESTAMP_OFFSET_NANO);
		}
		packetType = body[at + size]! & 0x0f;
		at += size + 1;
	}
	return { packetType, at, timestampOffsetNano };
}

function parseTracks(body: Uint8Array, start: number, multitrackType: number): TrackRange[] {
	const tracks: TrackRange[] = [];
	const manyCodecs = multitrackType === MultitrackType.manyTracksManyCodecs;
	let at = start;
	let fourCc = 0;
	if (!manyCodecs) {
		need(body, at, FOUR_CC_BYTES);
		fourCc = readUint32(body, at);
		at += FOUR_CC_BYTES;
	}
	do {
		if (tracks.length === MAX_TRACKS_PER_TAG) {
			throw new PeerError('FLV_TAG', `more than ${MAX_TRACKS_PER_TAG} tracks`);
		}
		if (manyCodecs) {
			need(body, at, FOUR_CC_BYTES);
			fourCc = readUint32(body, at);
			at += FOUR_CC_BYTES;
		}
		need(body, at, 1);
		const trackId = body[at]!;
		at += 1;
		let end = body.length;
		if (multitrackType !== MultitrackType.oneTrack) {
			need(body, at, 3);
			end = at + 3 + readUint24(body, at); // sizeOfTrack
			at += 3;
			need(body, at, end - at);
		}
		tracks.push({ trackId, fourCc, start: at, end });
		at = end;
	} while (at < body.length);
	return tracks;
}

function need(body: Uint8Array, at: number, count: number): void {
	if (at + count > body.length) {
		throw new PeerError('FLV_TAG', `enhanced header wants ${at + count} bytes of ${body.length}`);
	}
}
