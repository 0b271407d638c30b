import type { MediaTag, TagFacts } from '../relay/media-tag.js';

/** A file that a live stream goes into. What is on the disk can be played at any moment. */
export type PulledFile = {
	/** Bytes on the disk. */
	readonly sizeBytes: number;
	/** Takes a tag. */
	take(tag: MediaTag, facts: TagFacts | null): void;
	/** The next media comes from another connection. */
	splice(): void;
	/** Writes what has come since. One call at a time. */
	flush(): Promise<void>;
	/** Writes the rest and closes the file. */
	finish(): Promise<void>;
};
