import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { OPS, ROOT } from '../support/deployment.js';
import { Program } from '../support/program.js';
import { findProgram, inCi, missing } from '../support/tools.js';

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

type Dashboard = { panels: { title: string; targets: { expr: string }[] }[] };

/** Names of the metrics that /metrics has, from the golden test. */
function metricNames(): Set<string> {
	const golden = readFileSync(join(ROOT, 'test/fixtures/metrics.golden.txt'), 'utf8');
	return new Set([...golden.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
}

function missingModule(): string | false {
	return existsSync(STREAM_MODULE) || inCi() ? false : 'not installed: the stream module of nginx';
}

function metricsIn(text: string): string[] {
	return text.match(/\bmillrace_[a-z0-9_]+/g) ?? [];
}

describe('ops', () => {
	it('has a dashboard and alerts whose every metric exists', () => {
		const known = metricNames();
		const dashboard = JSON.parse(readFileSync(join(OPS, 'grafana/millrace.json'), 'utf8')) as Dashboard;
		const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
		assert.ok(queries.length > 20);
		for (const query of queries) {
			assert.ok(metricsIn(query).length > 0, query);
		}
		const alerts = readFileSync(join(OPS, 'prometheus/alerts.yml'), 'utf8');
		const named = [...queries, ...alerts.match(/expr: .*/g)!].flatMap(metricsIn);
		assert.deepEqual(
			named.filter((name) => !known.has(name)),
			[],
		);
	});

	it('has YAML that is YAML', () => {
		const files = readdirSync(OPS, { recursive: true, encoding: 'utf8' }).filter((file) => /\.ya?ml$/.test(file));
		assert.ok(files.length >= 3);
		for (const file of files) {
			const documents = parseAllDocuments(readFileSync(join(OPS, file), 'utf8'));
			assert.ok(Array.isArray(documents) && documents.length > 0, file);
			assert.deepEqual(
				documents.flatMap(({ errors }) => errors),
				[],
				file,
			);
		}
	});

	it('has alerts that fire when they should, and not before', { skip: missing('promtool') }, async (t) => {
		const tests = readFileSync(join(OPS, 'prometheus/alerts.test.yml'), 'utf8');
		const alerts = readFileSync(join(OPS, 'prometheus/alerts.yml'), 'utf8');
		for (const [, name] of alerts.matchAll(/- alert: (\w+)/g)) {
			assert.match(tests, new RegExp(`alertname: ${name}\\n\\s+exp_alerts:`), `a case in which ${name} fires`);
		}
		await new Program(t, 'promtool', ['check', 'rules', join(OPS, 'prometheus/alerts.yml')]).succeed();
		await new Program(t, 'promtool', ['test', 'rules', join(OPS, 'prometheus/alerts.test.yml')]).succeed();
	});

	it('has configurations that nginx takes', { skip: missing('nginx') || missingModule() }, async (t) => {
		const prefix = mkdtempSync(join(tmpdir(), 'millrace-nginx-'));
		t.after(() => rmSync(prefix, { recursive: true }));
		const nginx = findProgram('nginx')!;
		const common = `error_log ${prefix}/error.log; pid ${prefix}/nginx.pid;`;
		for (const [file, module] of [
			['http.conf', ''],
			['stream.conf', `load_module ${STREAM_MODULE};`],
		] as const) {
			const args = ['-t', '-q', '-p', prefix, '-c', join(OPS, 'nginx', file), '-g', `${module} ${common}`];
			await new Program(t, nginx, args).succeed();
		}
	});

	it('has a configuration that HAProxy takes', { skip: missing('haproxy') }, async (t) => {
		await new Program(t, findProgram('haproxy')!, ['-c', '-q', '-f', join(OPS, 'haproxy/haproxy.cfg')]).succeed();
	});

	it('has units that systemd takes', { skip: missing('systemd-analyze') }, async (t) => {
		const units = ['', '-gateway@8080', '-files@8100'].map((unit) => join(OPS, `systemd/millrace${unit}.service`));
		const verify = new Program(t, 'systemd-analyze', ['verify', '--man=no', ...units]);
		assert.equal(await verify.exit(), 0, verify.stderr);
		assert.doesNotMatch(verify.stderr, /ops\/systemd/);
	});
});
