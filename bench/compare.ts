import { parseArgs } from 'node:util';
import { ServerProcess } from '#src/test/support/server-process.js';
import { type Cell, OWN_CONFIG, ROWS, type Row, type Target } from './rows.js';

const USAGE = `usage: npm run bench -- [--only ROW,ROW] [--seconds S] [--details] [--peer NAME=PART,PART,PART]... [--no-own]
  --only     rows to run (${ROWS.map((row) => row.id).join(', ')})
  --seconds  length of each measurement (15)
  --details  a JSON line for each measurement, before the table
  --peer     another server that runs already, measured beside ours: its RTMP URL, its HTTP-FLV URL, its process id,
             in any order; {name} stands for the stream: --peer 'srs=rtmp://127.0.0.1/live/{name},http://127.0.0.1:8080/live/{name}.flv,4711'
  --no-own   measure the peers only`;

/** Runs the rows against a fresh Millrace each, and against each peer, and prints them beside the bar. */
async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			only: { type: 'string' },
			seconds: { type: 'string' },
			details: { type: 'boolean' },
			peer: { type: 'string', multiple: true },
			'no-own': { type: 'boolean' },
			help: { type: 'boolean' },
		},
	});
	const only = values.only?.split(',');
	const rows = ROWS.filter((row) => only === undefined || only.includes(row.id));
	if (values.help === true || rows.length === 0) {
		console.error(USAGE);
		process.exit(2);
	}
	const seconds = Number(values.seconds ?? 15);
	const peers = (values.peer ?? []).map(parsePeer);
	const own = values['no-own'] === true ? [] : ['millrace'];
	const table = [['', 'bar', ...own, ...peers.map((peer) => peer.name)]];
	for (const row of rows) {
		const cells: (Cell | null)[] = own.length === 0 ? [] : [await measureOwn(row, seconds)];
		for (const peer of peers) {
			cells.push(await attempt(row, peer, seconds));
		}
		if (values.details === true) {
			console.log(JSON.stringify({ row: row.id, results: cells.map((cell) => cell?.details ?? null) }));
		}
		table.push([row.title, row.barText, ...cells.map((cell, index) => show(row, cell, index < own.length))]);
	}
	printTable(table);
}

async function measureOwn(row: Row, seconds: number): Promise<Cell | null> {
	const server = await ServerProcess.start({ config: { ...OWN_CONFIG, ...row.config } });
	try {
		return await attempt(row, targetOf(server), seconds);
	} finally {
		await server.stop();
	}
}

function targetOf(server: ServerProcess): Target {
	return {
		name: 'millrace',
		httpUrl: server.httpUrl('live/{name}.flv'),
		rtmpUrl: server.rtmpUrl('live/{name}'),
		pid: server.pid,
	};
}

/** A server that fails a row keeps the others: the table says `failed`. */
async function attempt(row: Row, target: Target, seconds: number): Promise<Cell | null> {
	console.error(`${target.name}: ${row.title} ...`);
	try {
		return await row.measure(target, seconds);
	} catch (error) {
		console.error(error);
		return { figures: [], text: 'failed', complete: false, details: { error: String(error) } };
	}
}

function show(row: Row, cell: Cell | null, own: boolean): string {
	if (cell === null) {
		return '-';
	}
	const reached = cell.complete && row.bar.every((limit, index) => (cell.figures[index] ?? Number.NaN) <= limit);
	return `${cell.text}${cell.complete ? '' : ' (incomplete)'}${own ? (reached ? '  ok' : '  MISSED') : ''}`;
}

function parsePeer(text: string): Target {
	const [name = '', ...rest] = text.split('=');
	const target: Target = { name, httpUrl: null, rtmpUrl: '', pid: null };
	for (const part of rest.join('=').split(',')) {
		if (part.startsWith('rtmp:')) {
			target.rtmpUrl = part;
		} else if (/^(http|ws):/.test(part)) {
			target.httpUrl = part;
		} else {
			target.pid = Number(part);
		}
	}
	if (name === '' || target.rtmpUrl === '' || Number.isNaN(target.pid)) {
		console.error(`--peer ${text}: expected NAME=RTMP_URL,HTTP_URL,PID\n${USAGE}`);
		process.exit(2);
	}
	return target;
}

function printTable(rows: readonly string[][]): void {
	const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
	for (const row of rows) {
		console.log(`| ${row.map((text, column) => text.padEnd(widths[column]!)).join(' | ')} |`);
		if (row === rows[0]) {
			console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
		}
	}
}

await main();
