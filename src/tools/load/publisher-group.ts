import type { Clip } from './clip.js';
import type { Tag } from './flv-scanner.js';
import { Publisher } from './publisher.js';
import type { PushFormat } from './push-formats.js';

const TICK_MS = 5;
/** Encoded frames kept for publishers that come to them a little later. */
const CACHED_FRAMES = 64;

type Member = { publisher: Publisher; startAtMs: number; next: number; format: PushFormat; cacheKey: string };

/**
 * Publishers of one clip, each at its own pace: their frames are due at times spread over one frame's length, as those of
 * encoders that know nothing of each other. A frame is encoded once for all of them.
 */
export class PublisherGroup {
	readonly #clip: Clip;
	readonly #members: Member[] = [];
	readonly #encoded = new Map<string, Buffer>();
	readonly #timer: NodeJS.Timeout;
	framesSent = 0;

	constructor(clip: Clip) {
		this.#clip = clip;
		this.#timer = setInterval(() => this.#sendDue(), TICK_MS);
	}

	/** Adds a publisher; resolves when the server takes its media. */
	async add(url: URL, delayMs = 0): Promise<void> {
		const publisher = new Publisher(url);
		const format = await publisher.open();
		const cacheKey = url.protocol;
		for (const header of this.#clip.headers) {
			publisher.write(format.encodeTag(header));
		}
		this.#members.push({ publisher, startAtMs: performance.now() + delayMs, next: 0, format, cacheKey });
	}

	/** Reasons of the publishers that the server has dropped. */
	get failures(): string[] {
		return this.#members.map((member) => member.publisher.failure).filter((failure) => failure !== null);
	}

	/** Sends nothing more, but keeps the connections. */
	pause(): void {
		clearInterval(this.#timer);
	}

	close(): void {
		clearInterval(this.#timer);
		for (const { publisher } of this.#members) {
			publisher.destroy();
		}
	}

	#sendDue(): void {
		const nowMs = performance.now();
		const firstMs = this.#clip.frames[0]!.dtsMs;
		for (const member of this.#members) {
			for (;;) {
				const frame = this.#clip.frame(member.next);
				if (member.publisher.failure !== null || frame.dtsMs - firstMs > nowMs - member.startAtMs) {
					break;
				}
				member.publisher.write(this.#encode(member, frame));
				member.next++;
				this.framesSent++;
			}
		}
	}

	#encode(member: Member, frame: Tag): Buffer {
		const key = `${member.cacheKey} ${member.next}`;
		let bytes = this.#encoded.get(key);
		if (bytes === undefined) {
			bytes = member.format.encodeTag(frame);
			this.#encoded.set(key, bytes);
			if (this.#encoded.size > CACHED_FRAMES) {
				this.#encoded.delete(this.#encoded.keys().next().value!);
			}
		}
		return bytes;
	}
}
