import { SharedBody } from './answer.js';
import type { LiveBodies } from './bodies.js';
import { writeLiveManifest } from './manifest.js';
import { writeLivePlaylist } from './playlist.js';
import type { LiveWindow } from './window.js';

/** The playlist and the manifest of a window as it is now, each written once for all who ask. */
export class LiveTexts {
	readonly #window: LiveWindow;
	readonly #bodies: LiveBodies;
	#whole: SharedBody | null = null;
	#delta: SharedBody | null = null;
	#manifest: SharedBody | null = null;

	constructor(window: LiveWindow, bodies: LiveBodies) {
		this.#window = window;
		this.#bodies = bodies;
	}

	/** The window has changed. */
	forget(): void {
		this.#whole = null;
		this.#delta = null;
		this.#manifest = null;
	}

	/** Whole, or as a delta update. Null until the first segment is complete, which is when the target durations are known. */
	playlist(form: 'whole' | 'delta'): SharedBody | null {
		const { targetDuration, partTargetMs } = this.#bodies.reader;
		if (targetDuration === 0 || this.#window.listed.length === 0) {
			return null;
		}
		if (form === 'delta') {
			this.#delta ??= new SharedBody(writeLivePlaylist(this.#window, targetDuration, partTargetMs, true));
			return this.#delta;
		}
		this.#whole ??= new SharedBody(writeLivePlaylist(this.#window, targetDuration, partTargetMs, false));
		return this.#whole;
	}

	/** Null until there is the first part. */
	manifest(): SharedBody | null {
		const { listed, open, ended } = this.#window;
		if (listed.length === 0 && (open === null || open.parts.length === 0 || ended)) {
			return null;
		}
		const { targetDuration, partTargetMs } = this.#bodies.reader;
		this.#manifest ??= new SharedBody(
			writeLiveManifest(this.#window, { targetDuration, partTargetMs }, ({ init }) => this.#bodies.tracks(init)),
		);
		return this.#manifest;
	}
}
