import net from 'node:net';
import type { TestContext } from 'node:test';

/** A wire to a port of this machine that a test can cut, hold and mend. */
export class Wire {
	/** Connections made since the start. */
	connections = 0;
	/** Where new connections go. */
	target: number;
	readonly #server: net.Server;
	readonly #sockets = new Set<net.Socket>();
	#cut = false;
	#held = false;

	private constructor(target: number) {
		this.target = target;
		this.#server = net.createServer((socket) => this.#join(socket));
	}

	static async start(t: TestContext, target: number): Promise<Wire> {
		const wire = new Wire(target);
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

	/** Resets what is open and whatever comes. */
	cut(): void {
		this.#cut = true;
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
		const far = net.connect(this.target, '127.0.0.1');
		for (const [from, to] of [
			[near, far],
			[far, near],
		] as const) {
			this.#sockets.add(from);
			from.on('data', (bytes) => to.write(bytes));
			from.on('end', () => to.end());
			from.on('error', () => to.destroy());
			from.on('close', () => {
				this.#sockets.delete(from);
				to.destroySoon();
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
}
