import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { FLAGS } from '#src/cli/flags.js';
import { ROLE_NAMES } from '#src/cluster/roles.js';
import { Program } from '../support/program.js';
import { findProgram, inCi, missing } from '../support/tools.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const OPS = join(ROOT, 'ops');
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

	it('starts roles that there are, with flags that they take', () => {
		const files = ['docker/Dockerfile', 'docker/compose.yaml', 'kubernetes/origin.yaml', 'kubernetes/gateway.yaml'];
		const units = ['systemd/millrace.service', 'systemd/millrace-gateway@.service'];
		const lines = [...files, ...units]
			.flatMap((file) => readFileSync(join(OPS, file), 'utf8').split('\n'))
			.filter((line) => line.includes('--role'));
		assert.ok(lines.length >= 7);
		for (const line of lines) {
			const role = /--role"?[ ,]+"?([a-z-]+)/.exec(line)?.[1];
			assert.ok(
				ROLE_NAMES.some((name) => name === role),
				line,
			);
			const flags = (line.match(/(?<=[\s[,"]--)[a-z-]+/g) ?? []).filter((flag) => !Object.hasOwn(FLAGS, flag));
			assert.deepEqual(flags, [], line);
		}
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
		const units = ['millrace.service', 'millrace-gateway@8080.service'].map((unit) => join(OPS, 'systemd', unit));
		const verify = new Program(t, 'systemd-analyze', ['verify', '--man=no', ...units]);
		assert.equal(await verify.exit(), 0, verify.stderr);
		assert.doesNotMatch(verify.stderr, /ops\/systemd/);
	});
});
