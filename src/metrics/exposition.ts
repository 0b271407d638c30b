import { type PrimaryStatus, primaryRegistry } from './primary-metrics.js';
import { createRuntimeRegistry } from './process-metrics.js';
import { METRICS_CONTENT_TYPE, type ScrapeSource, scrape } from './scrape.js';

/** The page `/metrics`: the metrics of all role processes together with the primary's own. */
export class Exposition {
	readonly contentType = METRICS_CONTENT_TYPE;
	readonly #runtime = createRuntimeRegistry('primary');

	text(status: PrimaryStatus, processes: readonly ScrapeSource[]): Promise<string> {
		return scrape(processes, [primaryRegistry(status), this.#runtime]);
	}
}
