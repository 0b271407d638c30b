import { AggregatorRegistry, Gauge, Registry } from 'prom-client';
import type { MetricsJson } from './process-metrics.js';

/** A process that can be asked for its metrics; it answers or rejects within a time of its own. */
export type ScrapeSource = { metrics(): Promise<MetricsJson> };

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * The text of /metrics: what the processes answered, added up, together with our `own` registries. A process that rejects because
 * it is silent or gone is missing from the sums and counted as missing; it never fails the rest.
 */
export async function scrape(sources: readonly ScrapeSource[], own: readonly Registry[]): Promise<string> {
	const answers = await Promise.allSettled(sources.map((source) => source.metrics()));
	const theirs = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
	const missing = missingRegistry(sources.length - theirs.length);
	const ours = await Promise.all([...own, missing].map((registry) => registry.getMetricsAsJSON()));
	return AggregatorRegistry.aggregate([...ours, ...theirs]).metrics();
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
