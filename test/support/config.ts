import { type Config, configSchema } from '#src/config/schema.js';

/** The default configuration with `overrides` laid over it, as the loader would make it. */
export function testConfig(overrides: Record<string, unknown> = {}): Config {
	return configSchema.parse(overrides);
}
