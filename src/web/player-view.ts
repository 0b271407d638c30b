import { byId, formatBitrate, setText } from './page.js';
import type { PlayerFigures, PlayerListener, PlayerState } from './player.js';

type Notice = { kind: 'good' | 'warn' | 'bad'; text: string; overPicture?: string };

/** The screen of a page and what is said about it: state, figures, and the button for the sound. */
export class PlayerView implements PlayerListener {
	readonly video = byId('video', HTMLVideoElement);
	/** The page's word for playing. */
	readonly #playing: string;

	constructor(playing = 'Live') {
		this.#playing = playing;
		const unmute = byId('unmute', HTMLButtonElement);
		unmute.addEventListener('click', () => {
			this.video.muted = false;
		});
		this.video.addEventListener('volumechange', () => {
			unmute.hidden = !this.video.muted;
		});
	}

	state(state: PlayerState): void {
		if (state.kind === 'connecting') {
			byId('unmute', HTMLButtonElement).hidden = !this.video.muted;
			byId('figures', HTMLElement).hidden = false;
		}
		const { kind, text, overPicture } = this.#describe(state);
		this.show(kind, text, overPicture);
	}

	show(kind: Notice['kind'], text: string, overPicture = ''): void {
		const badge = byId('state', HTMLElement);
		badge.setAttribute('data-kind', kind);
		badge.textContent = text;
		setText('message', overPicture);
	}

	/** A page shows those that it has a place for. */
	figures({
		behindMs,
		bitsPerSecond,
		width,
		height,
		decodedFrames,
		droppedFrames,
		codecs,
		reconnects,
	}: PlayerFigures): void {
		const texts = {
			behind: `${(behindMs / 1000).toFixed(2)} s`,
			bitrate: formatBitrate(bitsPerSecond),
			picture: width === 0 ? '–' : `${width} × ${height}`,
			frames: `${decodedFrames} / ${droppedFrames}`,
			codecs: codecs === '' ? '–' : codecs,
			reconnects: String(reconnects),
		};
		for (const [id, text] of Object.entries(texts)) {
			if (document.getElementById(id) !== null) {
				setText(id, text);
			}
		}
	}

	#describe(state: PlayerState): Notice {
		switch (state.kind) {
			case 'connecting':
				return { kind: 'warn', text: 'Connecting', overPicture: 'Connecting …' };
			case 'playing':
				return { kind: 'good', text: this.#playing };
			case 'paused-source':
				return { kind: 'warn', text: 'The publisher sends nothing', overPicture: 'Waiting for the publisher …' };
			case 'waiting': {
				const retry = `Trying again in ${Math.ceil(state.retryInMs / 1000)} s.`;
				return { kind: 'warn', text: `${state.reason} ${retry}`, overPicture: state.reason };
			}
			case 'failed':
				return { kind: 'bad', text: state.reason, overPicture: state.reason };
		}
	}
}
