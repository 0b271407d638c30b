import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { ServerProcess } from '#src/test/support/server-process.js';
import { BAR_CLIP, BAR_STEP_MS, loadClip } from '#src/tools/load/clip.js';
import { type Spread, spreadOf } from '#src/tools/load/percentiles.js';
import { PublisherGroup } from '#src/tools/load/publisher-group.js';
import { Viewer } from '#src/tools/load/viewer.js';

export type FailoverResult = {
	losses: number;
	/** From the loss of the upstream to the next frame at the viewer. */
	nextFrameMs: Spread | null;
	/** The number of frames that the viewer should have got and did not. */
	missingFrames: number;
	backwardSteps: number;
};

/** Frames come 40 ms apart: a loss falls anywhere between two. */
const BETWEEN_LOSSES_MS = 2500;
const SETTLE_MS = 3000;

/** A wire to the origin that can be cut. */
class Wire {
	readonly #sockets = new Set<Socket>();
	readonly #server;
	broken = false;

	constructor(target: number) {
		this.#server = createServer((near) => {
			const far = connect(target, '127.0.0.1');
			for (const [from, to] of [
				[near, far],
				[far, near],
			] as const) {
				this.#sockets.add(from);
				from.pipe(to);
				from.on('error', () => to.destroy());
				from.on('close', () => {
					this.#sockets.delete(from);
					to.destroy();
				});
			}
			if (this.broken) {
				near.resetAndDestroy();
			}
		});
	}

	async open(): Promise<string> {
		await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	cut(): void {
		this.broken = true;
		for (const socket of this.#sockets) {
			socket.resetAndDestroy();
		}
	}

	close(): void {
		this.cut();
		this.#server.close();
	}
}

/**
 * An origin, a gateway with two ways to it, and one viewer that looks at every tag. The way in use is cut again and again; the time
 * until the next frame arrives at the viewer is taken.
 */
export async function runFailover(losses: number): Promise<FailoverResult> {
	const threads = { ingest: 1, delivery: 1, remux: 1 };
	const log = { level: 'warn' };
	const origin = await ServerProcess.start({ config: { threads, log } });
	const wires = [new Wire(origin.ports.http), new Wire(origin.ports.http)];
	const upstreams = await Promise.all(wires.map((wire) => wire.open()));
	const gateway = await ServerProcess.start({ role: 'flv-gateway', config: { threads, log, gateway: { upstreams } } });
	const publishers = new PublisherGroup(loadClip(BAR_CLIP));
	const nextFrameMs: number[] = [];
	let cutAtMs: number | null = null;
	try {
		await publishers.add(new URL(origin.rtmpUrl('live/failover')));
		await sleep(SETTLE_MS);
		const viewer = new Viewer({
			url: new URL(gateway.httpUrl('live/failover.flv')),
			checked: true,
			stepMs: BAR_STEP_MS,
			onTag: (_tag, readAtMs) => {
				if (cutAtMs !== null) {
					nextFrameMs.push(readAtMs - cutAtMs);
					cutAtMs = null;
				}
			},
		});
		await sleep(SETTLE_MS);
		for (let loss = 0; loss < losses; loss++) {
			const [active, other] = loss % 2 === 0 ? wires : [wires[1]!, wires[0]!];
			other!.broken = false;
			cutAtMs = performance.now();
			active!.cut();
			await sleep(BETWEEN_LOSSES_MS + Math.random() * 40);
		}
		const { missingFrames, backwardSteps } = viewer.check.faults;
		viewer.close();
		return { losses, nextFrameMs: spreadOf(nextFrameMs), missingFrames, backwardSteps };
	} finally {
		publishers.close();
		for (const wire of wires) {
			wire.close();
		}
		await Promise.all([origin.stop(), gateway.stop()]);
	}
}

function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
