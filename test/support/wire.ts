import net from 'node:net';
import type { TestContext } from 'node:test';

export type WireOptions = {
	/** The far end; this machine by default. */
	host?: string;
	/** On its way each byte takes this long. */
	delayMs?: number;
};

/** A wire to a port that a test can cut, hold and mend. */
export class Wire {
	/** Connections made since the start. */
	connections = 0;
	/** The port that new connections go to. */
	target: number;
	readonly #server: net.Server;
	readonly #host: string;
	readonly #delayMs: number;
	readonly #sockets = new Set<net.Socket>();
	#cut = false;
	#held = false;

	private constructor(target: number, { host = '127.0.0.1', delayMs = 0 }: WireOptions) {
		this.target = target;
		this.#host = host;
		this.#delayMs = delayMs;
		this.#server = net.createServer((socket) => this.#join(socket));
	}

	static async start(t: TestContext, target: number, options: WireOptions = {}): Promise<Wire> {
		const wire = new Wire(target, options);
		await new Promise<void>((resolve) => wire.#server.listen(0, '127.0.0.1', resolve));
		t.after(() => {
			wire.cut();
			wire.#server.close();
		});
		return wire;
	}

	get port(): number {
		return (this.#server.address() as net.AddressInfo).port;
	}

	url(protocol = 'http'): string {
		return `${protocol}://127.0.0.1:${this.port}`;
	}

	/** Open connections. */
	get open(): number {
		return this.#sockets.size / 2;
	}

	/** Resets all open and all later connections. */
	cut(): void {
		this.#cut = true;
		this.reset();
	}

	/** Resets all open connections, and lets later ones through. */
	reset(): void {
		for (const socket of this.#sockets) {
			socket.resetAndDestroy();
		}
	}

	/** Nothing gets through any more, but nothing is closed. */
	hold(): void {
		this.#held = true;
		for (const socket of this.#sockets) {
			socket.pause();
		}
	}

	mend(): void {
		this.#cut = false;
		this.#held = false;
		for (const socket of this.#sockets) {
			socket.resume();
		}
	}

	#join(near: net.Socket): void {
		this.connections += 1;
		const far = net.connect(this.target, this.#host);
		for (const [from, to] of [
			[near, far],
			[far, near],
		] as const) {
			this.#sockets.add(from);
			from.on('data', (bytes) => this.#later(() => this.#carry(bytes, from, to)));
			from.on('end', () => this.#later(() => to.end()));
			from.on('error', () => to.destroy());
			from.on('close', () => {
				this.#sockets.delete(from);
				this.#later(() => to.destroySoon());
			});
			if (this.#held) {
				from.pause();
			}
		}
		if (this.#cut) {
			near.resetAndDestroy();
			far.destroy();
		}
	}

	/** Reads no faster than the other side takes it. */
	#carry(bytes: Buffer, from: net.Socket, to: net.Socket): void {
		if (!to.destroyed && !to.write(bytes)) {
			from.pause();
			to.once('drain', () => {
				if (!this.#held) {
					from.resume();
				}
			});
		}
	}

	/** Timers of one duration end in the order in which they began. */
	#later(action: () => void): void {
		if (this.#delayMs === 0) {
			action();
		} else {
			setTimeout(action, this.#delayMs);
		}
	}
}
