import { readdirSync, readFileSync } from 'node:fs';

/** Process ids of the children of `pid`, from /proc. */
export function childrenOf(pid: number): number[] {
	return readdirSync('/proc').flatMap((entry) => {
		const stat = /^\d+$/.test(entry) ? readStat(entry) : '';
		const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
		return parent === pid ? [Number(entry)] : [];
	});
}

export function residentMiB(pid: number): number {
	const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
	return Number(kib) / 1024;
}

/** Empty when the process has ended in the meantime. */
function readStat(pid: string): string {
	try {
		return readFileSync(`/proc/${pid}/stat`, 'latin1');
	} catch {
		return '';
	}
}
