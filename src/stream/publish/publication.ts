import { type CodecName, needsSequenceHeader } from '../../codec/codec-name.js';
import type { Config, PublishPolicy } from '../../config/schema.js';
import { classifyAudio, classifyVideo, type TagClass } from '../../container/flv/classify.js';
import { scriptName, scriptTagBody } from '../../container/flv/script-data.js';
import { TagType } from '../../container/flv/tag.js';
import { type ErrorCode, peerErrorOf } from '../../errors.js';
import type { Logger } from '../../log/logger.js';
import { RepeatReporter } from '../../log/repeat-reporter.js';
import { Figure, RecordFlag, RecordKind } from '../../ring/layout.js';
import { RingReader } from '../../ring/ring-reader.js';
import { RingWriter } from '../../ring/ring-writer.js';
import type { PublishGrant, StreamInfo } from '../thread-messages.js';
import { liveMetadata, metadataHints } from './live-metadata.js';
import { CONFIGURATION_KIND, HEADER_KIND, HeaderSet, type StreamHeader, TRACK_KIND } from './publication-headers.js';
import { PublicationMeter } from './publication-meter.js';
import { RingGrowth } from './publication-ring.js';
import { StartPoints } from './publication-start-points.js';
import { TrackDiscovery } from './publication-tracks.js';
import { Timeline, type TrackKind } from './timeline.js';

export type PublicationOptions = {
	grant: PublishGrant;
	policy: PublishPolicy;
	ring: Config['ring'];
	log: Logger;
	/** The source is another server's stream: its timeline is kept, and it may be silent for as long as it likes. */
	relayed?: boolean;
	/** The stream has moved to a bigger ring. */
	onRingGrown(ring: SharedArrayBuffer): void;
	/** The publication is over. `byItself`: not by `close`, but replaced by another writer or silent for too long. */
	onClosed(code: ErrorCode, byItself: boolean): void;
};

/** A source that joins a running stream may send audio for this long before it counts as audio-only. */
const SPLICE_AUDIO_WAIT_MS = 1000;
const MAX_SCRIPT_BYTES = 64 * 1024;

const FRAME_KIND = { audio: RecordKind.audio, video: RecordKind.video } as const;
const NOTHING = new Uint8Array(0);

/**
 * One publisher's life on one stream: takes its tags, puts them on the stream's timeline and writes the stream's ring.
 * Protocols know it as `push` and `close`; nothing that a source sends makes it throw.
 *
 * A source that joins a running stream is held back until it can be decoded from (`#pending`): its first video keyframe, or
 * audio when it has no video. Headers that come before are kept and written with the splice.
 */
export class Publication {
	readonly id: number;
	readonly stream: StreamInfo;
	policy: PublishPolicy;
	readonly #options: PublicationOptions;
	readonly #ring: RingGrowth;
	#timeline: Timeline;
	#tracks = new TrackDiscovery();
	#startPoints = new StartPoints();
	readonly #meter = new PublicationMeter();
	readonly #faults: RepeatReporter;
	/** The headers that late viewers get. */
	readonly #headers: HeaderSet;
	/** Headers of a source that is held back; null once it is on air. */
	#pending: HeaderSet | null;
	#pendingAudioSinceMs: number | null = null;
	/** Flags of what was there before the splice; they hold until the new source's tracks are settled. */
	#flagsBefore = 0;
	#flags = 0;
	#settled = false;
	#closed = false;
	#bytesIn = 0;
	#mediaTags = 0;
	#mediaTagsAtTick = 0;
	#activeAtMs: number | null = null;
	#repairs = 0;
	#lastFrameDtsMs: number | null = null;
	#lastKeyframeDtsMs: number | null = null;

	constructor(options: PublicationOptions) {
		const { grant } = options;
		const { resumed, stream } = grant;
		const writer = RingWriter.attach(stream.ring, grant.writerEpoch);
		const before = resumed ? new RingReader(stream.ring) : null;
		this.id = grant.publicationId;
		this.stream = stream;
		this.policy = options.policy;
		this.#options = options;
		this.#faults = new RepeatReporter(options.log);
		this.#ring = new RingGrowth(writer, options.ring, (ring) => options.onRingGrown(ring));
		const resumeAfterMs = resumed ? writer.getFigure(Figure.lastDtsMs) : null;
		this.#timeline = new Timeline(options.policy.jitter, resumeAfterMs, options.relayed);
		this.#headers = new HeaderSet(before?.readHeaders().slots);
		this.#flagsBefore = before?.flags ?? 0;
		this.#pending = resumed ? new HeaderSet() : null;
	}

	get closed(): boolean {
		return this.#closed;
	}

	/** Bytes of tag bodies taken so far. */
	get bytesIn(): number {
		return this.#bytesIn;
	}

	/** One tag. `timestampMs` is the source's, modulo 2^32; `body` is borrowed until return. */
	push(tagType: number, timestampMs: number, body: Uint8Array): void {
		if (this.#closed || this.#isFencedOff()) {
			return;
		}
		this.#bytesIn += body.length;
		this.#writer.addFigure(Figure.bytesIn, body.length);
		if (tagType === TagType.audio || tagType === TagType.video) {
			this.#mediaTags += 1;
			this.#writer.setFigure(Figure.lastMediaAtMs, Date.now());
			this.#pushMedia(tagType === TagType.audio ? 'audio' : 'video', timestampMs, body);
		} else if (tagType === TagType.script || tagType === TagType.scriptAmf3) {
			this.#pushScript(timestampMs, scriptTagBody(body, tagType === TagType.scriptAmf3));
		}
	}

	/** Another source takes the place of the present one. Its frames are spliced to the written ones. */
	splice(): void {
		if (this.#closed || this.#pending !== null || this.#lastFrameDtsMs === null) {
			return; // nothing of the present source is on air
		}
		this.#timeline = new Timeline(this.policy.jitter, this.#writer.getFigure(Figure.lastDtsMs));
		this.#tracks = new TrackDiscovery();
		this.#startPoints = new StartPoints();
		this.#pending = new HeaderSet();
		this.#pendingAudioSinceMs = null;
		this.#flagsBefore = this.#flags;
		this.#settled = false;
		this.#repairs = 0;
	}

	/** To be called about once a second with a monotonic time. */
	tick(nowMs: number): void {
		if (this.#closed || this.#isFencedOff()) {
			return;
		}
		this.#tracks.tick(nowMs);
		this.#updateFlags();
		this.#meter.tick(nowMs);
		this.#writer.setFigure(Figure.bitsPerSecond, this.#meter.bitsPerSecond);
		if (this.#mediaTags !== this.#mediaTagsAtTick || this.#activeAtMs === null) {
			this.#mediaTagsAtTick = this.#mediaTags;
			this.#activeAtMs = nowMs;
		} else if (
			this.policy.idleTimeout > 0 &&
			this.#options.relayed !== true &&
			nowMs - this.#activeAtMs >= this.policy.idleTimeout
		) {
			this.#end('IDLE_TIMEOUT', true);
		}
	}

	/** Nothing is written any more. To be called once the source is gone or must go; a second call does nothing. */
	close(code: ErrorCode): void {
		this.#end(code, false);
	}

	get #writer(): RingWriter {
		return this.#ring.writer;
	}

	#pushMedia(kind: TrackKind, timestampMs: number, body: Uint8Array): void {
		const tag = this.#classify(kind, body);
		if (tag === null) {
			return;
		}
		const { role, trackId } = tag;
		if (role === 'sequenceHeader') {
			this.#tracks.know(kind);
		}
		if (kind === 'video' && (role === 'frame' || role === 'sequenceHeader')) {
			this.#startPoints.noteVideoTrack(trackId);
		}
		if (role === 'sequenceHeader' || role === 'configuration') {
			const header = { kind: HEADER_KIND[kind], trackId, body, isConfiguration: role === 'configuration' };
			this.#pushHeader(header, timestampMs);
			this.#updateFlags();
		} else if (role !== 'frame') {
			if (this.#pending === null) {
				const dtsMs =
					role === 'silence'
						? this.#timeline.frame(kind, trackId, timestampMs)
						: this.#timeline.aside(timestampMs, kind, trackId);
				this.#writeMedia(kind, tag, dtsMs, body);
			}
		} else if (this.#pending === null || this.#isSplicePoint(kind, tag, timestampMs)) {
			const dtsMs = this.#timeline.frame(kind, trackId, timestampMs);
			this.#goOnAir(dtsMs);
			this.#lastFrameDtsMs = dtsMs;
			this.#noteFrame(kind, tag, dtsMs);
			this.#writeMedia(kind, tag, dtsMs, body);
		}
	}

	#classify(kind: TrackKind, body: Uint8Array): TagClass<CodecName> | null {
		try {
			return kind === 'audio' ? classifyAudio(body) : classifyVideo(body);
		} catch (error) {
			this.#drop('malformed tag dropped', peerErrorOf(error).message);
			return null;
		}
	}

	#noteFrame(kind: TrackKind, tag: TagClass<CodecName>, dtsMs: number): void {
		const isKnownNow = !needsSequenceHeader(tag.codec) && this.#tracks.know(kind);
		if (this.#tracks.see(kind, dtsMs) || isKnownNow) {
			this.#updateFlags();
		}
		const { repairs } = this.#timeline;
		if (repairs !== this.#repairs) {
			this.#writer.addFigure(Figure.repairedTimestamps, repairs - this.#repairs);
			this.#faults.report('timestamps repaired', `${repairs} so far`);
			this.#repairs = repairs;
		}
	}

	#writeMedia(kind: TrackKind, tag: TagClass<CodecName>, dtsMs: number, body: Uint8Array): void {
		if (!this.#ring.makeRoomFor(body.length)) {
			this.#drop('frame dropped: larger than the largest ring takes', `${body.length} bytes`);
			return;
		}
		if (tag.role === 'frame') {
			this.#countFrame(kind, tag, dtsMs);
		}
		const flags = (tag.keyframe ? RecordFlag.keyframe : 0) | (tag.droppable ? RecordFlag.droppable : 0);
		this.#write(FRAME_KIND[kind], flags, tag.trackId, dtsMs, body);
		if (kind === 'video') {
			this.#ring.keepKeyframe();
		}
		if (this.#meter.add(body.length, dtsMs)) {
			this.#ring.fit(this.#meter.bytesOf(this.#options.ring.duration));
		}
	}

	#countFrame(kind: TrackKind, { trackId, keyframe }: TagClass<CodecName>, dtsMs: number): void {
		const writer = this.#writer;
		if (kind === 'audio') {
			writer.addFigure(Figure.audioFrames, 1);
			this.#startPoints.beforeAudio(writer, dtsMs, this.#tracks.lacks('video'));
			return;
		}
		writer.addFigure(Figure.videoFrames, 1);
		writer.addFigure(Figure.keyframes, keyframe ? 1 : 0);
		this.#startPoints.beforeVideo(writer, dtsMs, trackId, keyframe);
		if (this.#startPoints.isLeadKeyframe(trackId, keyframe)) {
			if (this.#lastKeyframeDtsMs !== null) {
				writer.setFigure(Figure.gopMs, dtsMs - this.#lastKeyframeDtsMs);
			}
			this.#lastKeyframeDtsMs = dtsMs;
			this.#ring.noteKeyframe();
		}
	}

	#pushScript(timestampMs: number, body: Uint8Array): void {
		const name = scriptName(body);
		if (name === null) {
			this.#drop('malformed tag dropped', 'script data without a name');
			return;
		}
		const metadata = name === 'onMetaData' ? liveMetadata(body) : null;
		if (metadata !== null) {
			this.#tracks.announce(metadataHints(metadata));
			const header = { kind: RecordKind.script, trackId: 0, body: metadata, isConfiguration: false };
			this.#pushHeader(header, timestampMs);
			this.#updateFlags();
		} else if (body.length > MAX_SCRIPT_BYTES) {
			this.#drop('script data dropped', `${name}: ${body.length} bytes`);
		} else if (this.#pending === null && name !== '@clearDataFrame') {
			this.#write(RecordKind.script, 0, 0, this.#timeline.aside(timestampMs), body);
		}
	}

	#pushHeader(header: StreamHeader, timestampMs: number): void {
		if (this.#pending === null) {
			this.#putHeader(header, this.#timeline.aside(timestampMs, TRACK_KIND[header.kind], header.trackId));
		} else {
			this.#pending.put(header);
		}
	}

	/** Keeps a header for late viewers, and writes it for the present ones if its bytes are new. */
	#putHeader(header: StreamHeader, dtsMs: number): void {
		const { kind, isConfiguration, trackId, body } = header;
		const change = this.#headers.put(header);
		if (change === 'same') {
			return;
		}
		if (change === 'changed' && kind !== RecordKind.script && !isConfiguration) {
			// The records before here need the header that is now replaced.
			this.#startPoints.clear(this.#writer);
		}
		this.#publishHeaders();
		if (this.#ring.makeRoomFor(body.length)) {
			this.#write(isConfiguration ? CONFIGURATION_KIND[kind]! : kind, 0, trackId, dtsMs, body);
		}
	}

	#publishHeaders(): void {
		const slots = this.#headers.fitting();
		const missing = this.#headers.list().length - slots.length;
		if (missing > 0) {
			this.#faults.report('headers left out for viewers who join later', `${missing} do not fit`);
		}
		this.#writer.setHeaders(slots);
	}

	/** True when a source that is held back can be decoded from this frame on. */
	#isSplicePoint(kind: TrackKind, tag: TagClass<CodecName>, timestampMs: number): boolean {
		this.#tracks.see(kind, null);
		if (kind === 'video') {
			return this.#startPoints.isLeadKeyframe(tag.trackId, tag.keyframe);
		}
		if (this.#tracks.shows('video')) {
			return false;
		}
		this.#pendingAudioSinceMs ??= timestampMs;
		const waitedMs = Math.abs((timestampMs - this.#pendingAudioSinceMs) | 0);
		return this.#tracks.excludes('video') || waitedMs >= SPLICE_AUDIO_WAIT_MS;
	}

	/** Splices a source that was held back to what the ring has; its first frame follows at `dtsMs`. */
	#goOnAir(dtsMs: number): void {
		const pending = this.#pending;
		if (pending === null) {
			return;
		}
		this.#pending = null;
		this.#startPoints.clear(this.#writer);
		this.#write(RecordKind.splice, 0, 0, dtsMs, NOTHING);
		this.#writer.addFigure(Figure.splices, 1);
		for (const header of pending.list()) {
			this.#putHeader(header, dtsMs);
		}
		this.#updateFlags();
	}

	/** Tells the ring what the stream carries, and lets go of what an earlier source carried and this one does not. */
	#updateFlags(): void {
		if (this.#pending !== null) {
			return;
		}
		const { settled, flags: found } = this.#tracks;
		const flags = settled ? found : found | this.#flagsBefore;
		if (settled && !this.#settled && this.#flagsBefore !== 0) {
			const noAudio = !this.#tracks.has('audio') && this.#headers.removeKind(RecordKind.audioHeader);
			const noVideo = !this.#tracks.has('video') && this.#headers.removeKind(RecordKind.videoHeader);
			if (noAudio || noVideo) {
				this.#publishHeaders();
			}
		}
		this.#settled ||= settled;
		if (flags !== this.#flags) {
			this.#flags = flags;
			this.#writer.setFlags(flags);
		}
	}

	#write(kind: RecordKind, flags: number, trackId: number, dtsMs: number, body: Uint8Array): void {
		if (!this.#closed && !this.#writer.write(kind, flags, trackId, dtsMs, body)) {
			this.#end('PUBLISH_REPLACED', true);
		}
	}

	#drop(fault: string, detail: string): void {
		this.#writer.addFigure(Figure.droppedFrames, 1);
		this.#faults.report(fault, detail);
	}

	/** Another writer has been granted the ring. */
	#isFencedOff(): boolean {
		if (!this.#writer.fenced) {
			return false;
		}
		this.#end('PUBLISH_REPLACED', true);
		return true;
	}

	#end(code: ErrorCode, byItself: boolean): void {
		if (this.#closed) {
			return;
		}
		this.#closed = true;
		if (!this.#writer.fenced) {
			this.#writer.setFigure(Figure.bitsPerSecond, 0);
		}
		this.#faults.flush();
		this.#faults.close();
		this.#options.onClosed(code, byItself);
	}
}
