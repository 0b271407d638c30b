import { once } from 'node:events';
import net from 'node:net';
import type { TestContext } from 'node:test';

/** A way to a local port that can be cut, or stopped up, at any time. */
export class TcpProxy {
	readonly #server: net.Server;
	readonly #sockets = new Set<net.Socket>();
	#isStalled = false;

	private constructor(target: number) {
		this.#server = net.createServer((near) => {
			const far = net.connect({ host: '127.0.0.1', port: target });
			for (const [from, to] of [
				[near, far],
				[far, near],
			] as const) {
				this.#sockets.add(from);
				from
					.on('error', () => from.destroy())
					.on('close', () => {
						this.#sockets.delete(from);
						to.destroy();
					});
				from.pipe(to);
			}
			if (this.#isStalled) {
				near.unpipe(far).pause();
			}
		});
	}

	static async open(t: TestContext, target: number): Promise<TcpProxy> {
		const proxy = new TcpProxy(target);
		proxy.#server.listen(0, '127.0.0.1');
		await once(proxy.#server, 'listening');
		t.after(() => {
			proxy.cut();
			proxy.#server.close();
		});
		return proxy;
	}

	get port(): number {
		return (this.#server.address() as net.AddressInfo).port;
	}

	/** Resets every connection; new ones are let through. */
	cut(): void {
		for (const socket of this.#sockets) {
			socket.resetAndDestroy();
		}
	}

	/** Reads nothing any more, of connections that are there and of new ones. */
	stall(): void {
		this.#isStalled = true;
		for (const socket of this.#sockets) {
			socket.unpipe().pause();
		}
	}
}
