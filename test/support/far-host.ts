import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import type { ServerPlace } from './server-process.js';
import { inCi, missing } from './tools.js';

/** A host of its own: a network namespace behind a pair of virtual Ethernet devices, whose line can be made bad, and cut. */
export class FarHost implements ServerPlace {
	/** Its address, and ours on the line to it. */
	readonly host: string;
	readonly command: readonly [string, ...string[]];
	readonly #namespace: string;

	/** Takes one of 65,536 small networks. Another test at the same time most likely takes another one. */
	private constructor() {
		const [high, low] = [Math.floor(Math.random() * 256), Math.floor(Math.random() * 64) * 4];
		this.#namespace = `mr${high}-${low}`;
		this.host = `10.213.${high}.${low + 2}`;
		this.command = ['ip', 'netns', 'exec', this.#namespace];
		const ours = `10.213.${high}.${low + 1}/30`;
		ip(`netns add ${this.#namespace}`);
		ip(`link add ${this.#near} type veth peer name ${this.#far} netns ${this.#namespace}`);
		ip(`addr add ${ours} dev ${this.#near}`);
		ip(`link set ${this.#near} up`);
		ip(`-n ${this.#namespace} addr add ${this.host}/30 dev ${this.#far}`);
		ip(`-n ${this.#namespace} link set ${this.#far} up`);
		ip(`-n ${this.#namespace} link set lo up`);
	}

	static create(t: TestContext): FarHost {
		const host = new FarHost();
		t.after(() => ip(`netns del ${host.#namespace}`));
		return host;
	}

	/** Loses this share of all packets in each direction. */
	lose(percent: number): void {
		const drop = `numgen random mod 100 < ${percent} drop;`;
		const rules = `table inet weather {
			chain in { type filter hook input priority 0; iifname "${this.#far}" ${drop} }
			chain out { type filter hook output priority 0; oifname "${this.#far}" ${drop} }
		}`;
		const [program, ...args] = [...this.command, 'nft', '-f', '-'];
		execFileSync(program!, args, { input: rules });
	}

	/** Nothing gets through, and nobody is told. */
	cut(): void {
		ip(`-n ${this.#namespace} link set ${this.#far} down`);
	}

	mend(): void {
		ip(`-n ${this.#namespace} link set ${this.#far} up`);
	}

	get #near(): string {
		return `${this.#namespace}n`;
	}

	get #far(): string {
		return `${this.#namespace}f`;
	}
}

/** For the `skip` option of a test with a FarHost. In CI as root nothing is a reason. */
export function noFarHosts(): string | false {
	if (process.getuid?.() !== 0) {
		return 'network namespaces are for root';
	}
	const absent = missing('ip', 'nft');
	if (absent !== false || inCi()) {
		return absent;
	}
	try {
		ip('netns list');
		return false;
	} catch {
		return 'this system lets nobody make network namespaces';
	}
}

function ip(command: string): void {
	execFileSync('ip', command.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });
}
