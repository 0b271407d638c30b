import { AggregatorRegistry, Gauge, Registry } from 'prom-client';
import { STREAM_METRICS } from './catalogue.js';
import type { MetricsJson } from './process-metrics.js';
import { sum } from './stream-counts.js';

/** A process that can be asked for its metrics; it answers or rejects within a time of its own. */
export type ScrapeSource = { metrics(): Promise<MetricsJson> };

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * Returns the text of /metrics: the answers of the processes, added up, together with our `own` registries. A process
 * that rejects because it is silent or gone is missing from the sums and counted as missing. It never fails the rest.
 */
export async function scrape(sources: readonly ScrapeSource[], own: readonly Registry[]): Promise<string> {
	const answers = await Promise.allSettled(sources.map((source) => source.metrics()));
	const theirs = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
	countStreamsOnce(theirs);
	const missing = missingRegistry(sources.length - theirs.length);
	const ours = await Promise.all([...own, missing].map((registry) => registry.getMetricsAsJSON()));
	return AggregatorRegistry.aggregate([...ours, ...theirs]).metrics();
}

/** A stream that several processes have is one stream: the first answer gets the count of all, the others none. */
function countStreamsOnce(answers: readonly MetricsJson[]): void {
	const publishers = new Map<string, number>();
	for (const { name, values } of answers.flat()) {
		for (const { labels, value } of name === STREAM_METRICS.ofStream ? values : []) {
			const stream = `${labels['app']}/${labels['stream']}`;
			publishers.set(stream, Math.max(value, publishers.get(stream) ?? 0));
		}
	}
	const counts = new Map([
		[STREAM_METRICS.streams, publishers.size],
		[STREAM_METRICS.publishers, sum([...publishers.values()], (value) => value)],
	]);
	for (const [index, metrics] of answers.entries()) {
		for (const { name, values } of metrics) {
			const count = counts.get(name);
			if (count !== undefined) {
				values.splice(0, values.length, { labels: {}, value: index === 0 ? count : 0 });
			}
		}
	}
}

function missingRegistry(missing: number): Registry {
	const registry = new Registry();
	const gauge = new Gauge({
		name: 'millrace_scrape_missing_processes',
		help: 'Role processes that did not answer this scrape in time',
		registers: [registry],
	});
	gauge.set(missing);
	return registry;
}
