import { parseArgs } from 'node:util';
import { BAR_CLIP, loadClip } from '#src/tools/load/clip.js';
import { PublisherGroup } from '#src/tools/load/publisher-group.js';

const USAGE = `usage: publish.js URL [--streams N] [--file CLIP.flv] [--seconds S]
  URL       rtmp:, http: (POST) or ws:; {n} becomes the number of the stream
  --streams how many publishers (1)
  --file    what they send, in a loop (bench/fixtures/bar.flv)
  --seconds stop after this long (0 = until a signal)`;

/** Publishes N streams until told to stop. Prints one JSON line when all are accepted, and one at the end. */
async function main(): Promise<void> {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: { streams: { type: 'string' }, file: { type: 'string' }, seconds: { type: 'string' } },
	});
	const target = positionals[0];
	if (target === undefined) {
		console.error(USAGE);
		process.exit(2);
	}
	const streams = Number(values.streams ?? 1);
	const clip = loadClip(values.file ?? BAR_CLIP);
	const frameMs = clip.durationMs / clip.frames.length;
	const group = new PublisherGroup(clip);
	for (let n = 0; n < streams; n++) {
		await group.add(new URL(target.replaceAll('{n}', String(n))), (n / streams) * frameMs);
	}
	report({ publishing: streams });
	const stop = (): void => {
		report({ published: streams, framesSent: group.framesSent, failures: group.failures });
		group.close();
		process.exit(group.failures.length === 0 ? 0 : 1);
	};
	process.on('SIGTERM', stop);
	process.on('SIGINT', stop);
	process.on('disconnect', stop);
	if (Number(values.seconds ?? 0) > 0) {
		setTimeout(stop, Number(values.seconds) * 1000);
	}
}

function report(line: object): void {
	console.log(JSON.stringify(line));
	process.send?.(line);
}

await main();
