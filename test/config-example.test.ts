import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { CONFIG_KEYS } from '#src/config/keys.js';
import { configSchema } from '#src/config/schema.js';
import { valueAt } from '#src/config/tree.js';
import { exampleYaml } from '#src/ops/example-config.js';

const ROOT = new URL('../../', import.meta.url);
const example = readFileSync(new URL('config.example.yaml', ROOT), 'utf8');

describe('config.example.yaml', () => {
	it('is what the schema says (npm run docs writes it)', () => {
		assert.equal(example, exampleYaml());
	});

	it('changes nothing when it is used as it is', () => {
		assert.deepEqual(
			Object.values(parse(example)).filter((section) => section !== null),
			[],
		);
	});

	it('holds every key with its default', () => {
		const uncommented = parse(example.slice(0, example.indexOf('#apps:\n')).replace(/^( *)#(?=[a-z]\w*:)/gim, '$1'));
		for (const key of CONFIG_KEYS) {
			assert.deepEqual(valueAt(uncommented, key.path), key.default, key.name);
			assert.ok(key.description.length > 0, `${key.name} has no description`);
		}
		assert.deepEqual(configSchema.parse(uncommented), configSchema.parse({}));
	});

	it('shows overrides of an app that may be used', () => {
		const apps = example.slice(example.indexOf('#apps:\n')).replaceAll(/^#/gm, '');
		assert.deepEqual(Object.keys(configSchema.parse(parse(apps)).apps), ['live']);
	});
});
