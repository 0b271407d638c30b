// Runs in an AudioWorklet, a file of its own so that the page needs no inline script.

/** In no standard library of types. */
declare abstract class AudioWorkletProcessor {
	readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

/** Hands every block of samples to the page. */
class AudioTap extends AudioWorkletProcessor {
	process([channels = []]: Float32Array[][]): boolean {
		if (channels.length > 0) {
			this.port.postMessage(channels);
		}
		return true;
	}
}

registerProcessor('tap', AudioTap);

export {};
