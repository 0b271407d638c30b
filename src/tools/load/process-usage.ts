// Spec: proc(5): /proc/[pid]/stat, /proc/[pid]/smaps_rollup, /proc/stat. Linux only.

import { readdirSync, readFileSync } from 'node:fs';
import { round } from './percentiles.js';

/** Clock ticks a second of utime and stime: USER_HZ, 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export type Usage = {
	/** Processor time of the process and its descendants, 100 = one core. */
	cpuPercent: number;
	/** Share of `cpuPercent` spent in the kernel. */
	systemPercent: number;
	/** Sum of resident memory; pages shared by two processes count twice. */
	rssMiB: number;
	/** Sum of proportional memory; shared pages count once. */
	pssMiB: number;
	processes: number;
	/** The busiest threads. */
	threads: { name: string; cpuPercent: number }[];
};

type Ticks = { user: number; system: number };
type Sample = { atMs: number; processes: Map<number, Ticks>; threads: Map<number, { name: string; ticks: number }> };

const BUSY_THREADS_SHOWN = 6;

/** Follows the processor time of `rootPid` and everything it started, from `begin` to `end`. */
export class UsageMeter {
	readonly #rootPid: number;
	#begin: Sample;

	constructor(rootPid: number) {
		this.#rootPid = rootPid;
		this.#begin = takeSample(rootPid);
	}

	begin(): void {
		this.#begin = takeSample(this.#rootPid);
	}

	end(): Usage {
		const end = takeSample(this.#rootPid);
		const seconds = (end.atMs - this.#begin.atMs) / 1000;
		const percent = (ticks: number): number => round((ticks / TICKS_PER_SECOND / seconds) * 100);
		let user = 0;
		let system = 0;
		for (const [pid, ticks] of end.processes) {
			const before = this.#begin.processes.get(pid) ?? { user: 0, system: 0 };
			user += ticks.user - before.user;
			system += ticks.system - before.system;
		}
		const threads = [...end.threads].map(([tid, { name, ticks }]) => ({
			name,
			cpuPercent: percent(ticks - (this.#begin.threads.get(tid)?.ticks ?? 0)),
		}));
		threads.sort((a, b) => b.cpuPercent - a.cpuPercent);
		const pids = [...end.processes.keys()];
		return {
			cpuPercent: percent(user + system),
			systemPercent: percent(system),
			rssMiB: memoryMiB(pids, 'Rss'),
			pssMiB: memoryMiB(pids, 'Pss'),
			processes: pids.length,
			threads: threads.slice(0, BUSY_THREADS_SHOWN),
		};
	}
}

/** Share of the whole machine's processor time that was idle between two calls of the returned function. */
export function idleMeter(): () => number {
	let [idle, total] = readMachine();
	return () => {
		const [idleNow, totalNow] = readMachine();
		const percent = round(((idleNow - idle) / Math.max(1, totalNow - total)) * 100);
		[idle, total] = [idleNow, totalNow];
		return percent;
	};
}

function readMachine(): [idle: number, total: number] {
	const fields = readFileSync('/proc/stat', 'latin1').split('\n')[0]!.trim().split(/\s+/).slice(1).map(Number);
	return [fields[3]! + fields[4]!, fields.slice(0, 8).reduce((sum, value) => sum + value, 0)];
}

function takeSample(rootPid: number): Sample {
	const sample: Sample = { atMs: performance.now(), processes: new Map(), threads: new Map() };
	for (const pid of descendants(rootPid)) {
		const stat = readStat(`/proc/${pid}/stat`);
		if (stat === null) {
			continue;
		}
		sample.processes.set(pid, { user: stat.user, system: stat.system });
		for (const tid of readdirSync(`/proc/${pid}/task`)) {
			const thread = readStat(`/proc/${pid}/task/${tid}/stat`);
			if (thread !== null) {
				sample.threads.set(Number(tid), { name: `${thread.name} ${tid}`, ticks: thread.user + thread.system });
			}
		}
	}
	return sample;
}

function descendants(rootPid: number): number[] {
	const children = new Map<number, number[]>();
	for (const entry of readdirSync('/proc')) {
		const stat = /^\d+$/.test(entry) ? readStat(`/proc/${entry}/stat`) : null;
		if (stat !== null) {
			children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(entry)]);
		}
	}
	const found = [rootPid];
	for (const pid of found) {
		found.push(...(children.get(pid) ?? []));
	}
	return found;
}

/** Null when the process or thread has ended. */
function readStat(path: string): { name: string; parent: number; user: number; system: number } | null {
	const text = readOrNull(path);
	if (text === null) {
		return null;
	}
	const nameEnd = text.lastIndexOf(')');
	const fields = text.slice(nameEnd + 2).split(' ');
	const name = text.slice(text.indexOf('(') + 1, nameEnd);
	return { name, parent: Number(fields[1]), user: Number(fields[11]), system: Number(fields[12]) };
}

function memoryMiB(pids: readonly number[], field: 'Rss' | 'Pss'): number {
	let kib = 0;
	for (const pid of pids) {
		const line = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readOrNull(`/proc/${pid}/smaps_rollup`) ?? '');
		kib += Number(line?.[1] ?? 0);
	}
	return round(kib / 1024);
}

/** A process may end between listing and reading: that is null, not an error. */
function readOrNull(path: string): string | null {
	try {
		return readFileSync(path, 'latin1');
	} catch {
		return null;
	}
}
