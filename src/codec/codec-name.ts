/**
 * The codec of a track, by the name that logs, metrics and the API print. `unknown` is a codec that we cannot name and
 * pass through as it is.
 */

export type VideoCodec =
	| 'h264'
	| 'h265'
	| 'h266'
	| 'av1'
	| 'vp8'
	| 'vp9'
	| 'vp6'
	| 'vp6a'
	| 'h263'
	| 'screen'
	| 'screen2'
	| 'unknown';

export type AudioCodec =
	| 'aac'
	| 'mp3'
	| 'opus'
	| 'flac'
	| 'ac3'
	| 'eac3'
	| 'g711a'
	| 'g711u'
	| 'pcm'
	| 'adpcm'
	| 'nellymoser'
	| 'speex'
	| 'unknown';

export type CodecName = VideoCodec | AudioCodec;

/** Codecs whose frames cannot be decoded without the sequence header that an FLV stream sends ahead of them. */
const WITH_SEQUENCE_HEADER: ReadonlySet<CodecName> = new Set(['h264', 'h265', 'h266', 'av1', 'aac', 'opus', 'flac']);

export function needsSequenceHeader(codec: CodecName): boolean {
	return WITH_SEQUENCE_HEADER.has(codec);
}
