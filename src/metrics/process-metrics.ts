import {
	Counter,
	collectDefaultMetrics,
	Gauge,
	type MetricObjectWithValues,
	type MetricValue,
	Registry,
} from 'prom-client';
import { CATALOGUE, type MetricSpec } from './catalogue.js';
import type { ProcessSnapshot } from './snapshot.js';

/** Metrics as they travel between processes: plain data. */
export type MetricsJson = MetricObjectWithValues<MetricValue<string>>[];

const PREFIX = 'millrace_';

/** prom-client names these gauges like counters, which `promtool check metrics` refuses; and their labels are not a closed set. */
const UNWANTED_RUNTIME_METRICS = ['handles', 'requests', 'resources'].flatMap((what) => [
	`${PREFIX}nodejs_active_${what}`,
	`${PREFIX}nodejs_active_${what}_total`,
]);

/**
 * The event loop's lag is sampled this often. prom-client's own choice of 10 ms wakes both main threads a hundred times
 * a second, for 0.3 % of a core each.
 */
const LAG_SAMPLE_MS = 100;

/**
 * The registry of the metrics that every process has in every role: CPU, memory, descriptors, event loop, collections
 * of garbage.
 */
export function createRuntimeRegistry(role: string): Registry {
	const register = new Registry();
	collectDefaultMetrics({ register, prefix: PREFIX, labels: { role }, eventLoopMonitoringPrecision: LAG_SAMPLE_MS });
	for (const name of UNWANTED_RUNTIME_METRICS) {
		register.removeSingleMetric(name);
	}
	return register;
}

/** All metrics of one role process, for the primary. Those of its runtime are collected from here on. */
export class ProcessMetrics {
	readonly #runtime: Registry;

	constructor(role: string) {
		this.#runtime = createRuntimeRegistry(role);
	}

	async of(snapshot: ProcessSnapshot): Promise<MetricsJson> {
		const parts = [snapshotRegistry(snapshot), this.#runtime].map((registry) => registry.getMetricsAsJSON());
		return (await Promise.all(parts)).flat();
	}
}

/** The metrics of `snapshot` in a registry of their own, made anew for every scrape: nothing is counted in prom-client. */
export function snapshotRegistry(snapshot: ProcessSnapshot): Registry {
	const register = new Registry();
	for (const spec of CATALOGUE) {
		addMetric(register, spec, snapshot);
	}
	return register;
}

function addMetric(register: Registry, spec: MetricSpec, snapshot: ProcessSnapshot): void {
	const { name, help, labels: labelNames, across: aggregator, samples } = spec;
	const configuration = { name, help, labelNames: [...labelNames], aggregator, registers: [register] };
	if (spec.type === 'counter') {
		const counter = new Counter(configuration);
		for (const [labels, value] of samples(snapshot)) {
			counter.labels(...labels).inc(value);
		}
	} else {
		const gauge = new Gauge(configuration);
		for (const [labels, value] of samples(snapshot)) {
			gauge.labels(...labels).set(value);
		}
	}
}
