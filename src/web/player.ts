/** The states that a page hears of from any player. */
export type PlayerState =
	| { kind: 'connecting' }
	| { kind: 'playing' }
	/** Media has stopped; the connection is there. The publisher may come back. */
	| { kind: 'paused-source' }
	| { kind: 'waiting'; reason: string; retryInMs: number }
	/** Trying again is of no use. */
	| { kind: 'failed'; reason: string };

export type PlayerFigures = {
	/**
	 * The distance of the picture from the live edge: for FLV the newest media that has arrived, for HLS the media that
	 * the publisher sent just now.
	 */
	behindMs: number;
	bitsPerSecond: number;
	width: number;
	height: number;
	codecs: string;
	decodedFrames: number;
	droppedFrames: number;
	reconnects: number;
};

export type PlayerListener = {
	state(state: PlayerState): void;
	figures(figures: PlayerFigures): void;
};

/** Plays one address in a video element until it is stopped. */
export type Player = { start(): void; stop(): void };

/** Browsers let a page begin with sound only after the user has touched it: then it begins without. */
export async function playVideo(video: HTMLVideoElement): Promise<void> {
	try {
		await video.play();
	} catch (error) {
		if (error instanceof DOMException && error.name === 'NotAllowedError' && !video.muted) {
			video.muted = true;
			await playVideo(video);
		}
	}
}

/** iPhones have MediaSource only as ManagedMediaSource. */
export function mediaSourceSupports(mimeType: string): boolean {
	const managed = (window as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource;
	return (window.MediaSource ?? managed)?.isTypeSupported(mimeType) ?? false;
}

/** A list for people, without what is unknown. */
export function joinCodecs(...codecs: (string | undefined | null)[]): string {
	return codecs.filter((codec) => codec !== undefined && codec !== null && codec !== '').join(', ');
}
