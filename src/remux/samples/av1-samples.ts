// Spec: AV1 in ISO base media file format 2.4 (samples: one temporal unit without delimiters and padding)
import { copyOf, type KeptBytes } from '../../bytes/kept.js';
import {
	findSequenceHeader,
	sequenceHeaderOfRecord,
	serializeAv1DecoderConfig,
} from '../../codec/av1/decoder-config.js';
import { stripTemporalDelimiters, withSizes } from '../../codec/av1/obu.js';
import { av1PictureKind } from '../../codec/av1/picture.js';
import { PictureKind } from '../../codec/picture-kind.js';
import { parseAv1Config, type VideoConfig } from '../../codec/track-config.js';
import { MAX_PREAMBLE_BYTES, type VideoSamples } from './video-samples.js';

const NOTHING = copyOf();

/** Samples of AV1. OBUs without a frame join the next one; a sequence header in front of a key frame may change the configuration. */
export class Av1Samples implements VideoSamples {
	config: VideoConfig | null = null;
	keyframe = false;
	payload: Buffer = NOTHING;
	fault = '';
	#header: { record: KeptBytes; config: VideoConfig | null } | null = null;
	/** Payload of the sequence header that `config` was made of. */
	#sequenceHeader: KeptBytes = NOTHING;
	/** OBUs that belong to the next frame, copied. */
	#preamble: KeptBytes = NOTHING;

	header(record: Buffer): void {
		if (this.#header?.record.equals(record)) {
			return;
		}
		const copy = copyOf(record);
		const config = sequenceHeaderOfRecord(copy) === null ? null : parseAv1Config(copy);
		this.#header = { record: copy, config };
		this.#use(config);
	}

	accept(frame: Buffer, marked: boolean): boolean {
		this.fault = '';
		const media = stripTemporalDelimiters(frame);
		const picture = av1PictureKind(media, 0, media.length, marked);
		if (picture === PictureKind.none) {
			this.#keepForNext(media);
			return false;
		}
		this.payload = this.#preamble.length === 0 ? media : Buffer.concat([this.#preamble, media]);
		this.#preamble = NOTHING;
		this.keyframe = picture === PictureKind.key;
		if (this.keyframe) {
			this.#configure();
		}
		if (this.config === null) {
			this.fault = 'AV1 without a sequence header, neither apart nor in front of a key frame';
		}
		return this.config !== null;
	}

	splice(): void {
		this.#preamble = NOTHING;
		if (this.#header !== null && this.config !== this.#header.config) {
			this.#use(this.#header.config);
		}
	}

	#use(config: VideoConfig | null): void {
		this.config = config;
		this.#sequenceHeader = copyOf((config === null ? null : sequenceHeaderOfRecord(config.record)) ?? NOTHING);
	}

	#configure(): void {
		const found = findSequenceHeader(this.payload);
		if (found !== null && !found.equals(this.#sequenceHeader)) {
			this.#use(parseAv1Config(serializeAv1DecoderConfig(found)));
		}
	}

	#keepForNext(media: Buffer): void {
		if (media.length > 0 && this.#preamble.length + media.length <= MAX_PREAMBLE_BYTES) {
			this.#preamble = copyOf(this.#preamble, withSizes(media));
		}
	}
}
