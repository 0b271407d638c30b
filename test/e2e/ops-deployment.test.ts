import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import type { Config } from '#src/config/schema.js';
import {
	type Compose,
	composeStarts,
	containerStart,
	listeningPorts,
	type Manifest,
	OPS,
	opsFile,
	ROOT,
	readCompose,
	readImage,
	readManifests,
	type Start,
	tryStart,
	unitStart,
} from '../support/deployment.js';
import { Program } from '../support/program.js';
import { missingPackage, sidePackage } from '../support/side-package.js';
import { findProgram, missing } from '../support/tools.js';

const UPSTREAM = { UPSTREAM: 'http://origin:8501', ADMIN_PORT: '9751' };
const PROBES = ['/readyz', '/healthz'];
const ROLES = ['file-gateway', 'flv-gateway', 'origin'];

function assertUpstreamsServe(start: Start, servesAt: (host: string) => readonly number[]): void {
	for (const { hostname, port } of tryStart(start).upstreams) {
		assert.ok(servesAt(hostname).includes(Number(port)), `${start.where}: nobody serves at ${hostname}:${port}`);
	}
}

/** Ports that a service of the Compose file listens on. */
function composePorts(name: string): number[] {
	const start = composeStarts().get(name);
	return start === undefined ? [] : listeningPorts(tryStart(start).config);
}

describe('the image and the Compose file', () => {
	const compose: Compose = readCompose();
	const starts = composeStarts();

	it('start what our own command line and configuration take, in every role', () => {
		const roles = [...starts.values()].map((start) => tryStart(start).role);
		assert.deepEqual([...new Set(roles)].toSorted(), ROLES);
		assert.equal(roles.filter((role) => role === 'flv-gateway').length, 3);
		const { config } = tryStart(readImage());
		assert.equal(config.admin.host, '0.0.0.0');
		const exposed = /^EXPOSE (.*)$/m.exec(opsFile('docker/Dockerfile'))![1]!.split(' ').map(Number);
		for (const start of [readImage(), ...starts.values()]) {
			const hidden = listeningPorts(tryStart(start).config).filter((port) => !exposed.includes(port));
			assert.deepEqual(hidden, [], start.where);
			assert.ok(Object.keys(start.env).every((name) => name.startsWith('MILLRACE_')));
		}
	});

	it('copy files that are there, and run the supervisor', () => {
		const dockerfile = opsFile('docker/Dockerfile');
		const copies = [...dockerfile.matchAll(/^COPY (?:--from=\S+ )?(.*) \S+$/gm)];
		assert.equal(copies.length, 5);
		for (const source of copies.flatMap(([, sources]) => sources!.split(' '))) {
			assert.ok(existsSync(join(ROOT, source.replace(/^\/src\//, ''))), source);
		}
		const [program, script] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!) as string[];
		assert.equal(program, 'node');
		assert.ok(existsSync(join(ROOT, script!)));
		assert.match(dockerfile, /fetch\('http:\/\/127\.0\.0\.1:9750\/healthz'\)/);
	});

	it('hang together: upstreams, files, volumes, ports and dependencies', () => {
		for (const [name, service] of Object.entries(compose.services)) {
			for (const other of service.depends_on ?? []) {
				assert.ok(Object.hasOwn(compose.services, other), `${name} depends on ${other}`);
			}
			for (const [source = ''] of (service.volumes ?? []).map((volume) => volume.split(':'))) {
				const isThere = source.startsWith('.')
					? existsSync(join(OPS, 'docker', source))
					: Object.hasOwn(compose.volumes, source);
				assert.ok(isThere, `${name} mounts ${source}`);
			}
			if (service.build !== undefined) {
				const context = join(OPS, 'docker', service.build.context);
				assert.ok(existsSync(join(context, service.build.dockerfile)), name);
			}
		}
		for (const [name, start] of starts) {
			const { ports = [], stop_grace_period: grace = '' } = compose.services[name]!;
			const { config } = tryStart(start);
			for (const port of ports.map((mapping) => Number(mapping.split(':').at(-1)))) {
				assert.ok(listeningPorts(config).includes(port), `${name} listens on ${port}`);
			}
			assert.ok(Number(/^(\d+)s$/.exec(grace)?.[1]) * 1000 > config.shutdown.deadline, `${name} may finish`);
			assertUpstreamsServe(start, composePorts);
		}
	});

	it('let Prometheus and nginx find every Millrace', () => {
		const { scrape_configs: jobs } = parse(opsFile('docker/prometheus.yaml')) as {
			scrape_configs: { static_configs: { targets: string[] }[] }[];
		};
		const targets = jobs.flatMap((job) => job.static_configs.flatMap((each) => each.targets));
		const adminOf = ([name, start]: [string, Start]): string => `${name}:${tryStart(start).config.admin.port}`;
		assert.deepEqual(targets.toSorted(), [...starts].map(adminOf).toSorted());
		for (const [, name, port] of opsFile('docker/nginx.conf').matchAll(/^\s+server ([a-z0-9-]+):(\d+)/gm)) {
			assert.ok(composePorts(name!).includes(Number(port)), `nginx: ${name}:${port}`);
		}
	});

	it('have an nginx configuration that nginx takes', { skip: missing('nginx') }, async (t) => {
		const prefix = mkdtempSync(join(tmpdir(), 'millrace-nginx-'));
		t.after(() => rmSync(prefix, { recursive: true }));
		// Only in Compose's network do the names mean anything.
		const file = join(prefix, 'nginx.conf');
		writeFileSync(file, opsFile('docker/nginx.conf').replaceAll(/server [a-z0-9-]+:/g, 'server 127.0.0.1:'));
		const common = `error_log ${prefix}/error.log; pid ${prefix}/nginx.pid;`;
		await new Program(t, findProgram('nginx')!, ['-t', '-q', '-p', prefix, '-c', file, '-g', common]).succeed();
	});
});

describe('the units of systemd', () => {
	it('start what our own command line and configuration take', () => {
		const roles = [
			unitStart('millrace.service', '', {}),
			unitStart('millrace-gateway@.service', '8080', UPSTREAM),
			unitStart('millrace-files@.service', '8100', UPSTREAM),
		].map((start) => tryStart(start).role);
		assert.deepEqual(roles.toSorted(), ROLES);
	});
});

describe('the manifests for Kubernetes', () => {
	const manifests = readManifests();
	const named = (kind: string, name: string): Manifest | undefined =>
		manifests.find(({ manifest }) => manifest.kind === kind && manifest.metadata.name === name)?.manifest;
	const workloads = manifests.filter(({ manifest }) => manifest.spec.template !== undefined);
	const only = (manifest: Manifest) => manifest.spec.template!.spec.containers[0]!;

	it('follow the schemas of Kubernetes, and have no field that those do not know', {
		skip: missingPackage('kubernetes-models'),
	}, async () => {
		for (const { file, manifest } of manifests) {
			const [version = '', group = 'core'] = manifest.apiVersion.split('/').toReversed();
			const schema = `IoK8sApi${capitalized(group)}${capitalized(version)}${manifest.kind}`;
			const { validate }: Schema = await import(sidePackage(`kubernetes-models/_schemas/${schema}.js`));
			const unread = new Set<string>();
			const isValid = validate(watched(manifest, '', unread));
			assert.ok(isValid, `${file}, ${schema}: ${JSON.stringify(validate.errors)}`);
			assert.deepEqual([...unread], [], `${file}, ${schema}`);
		}
	});

	it('start what our own command line and configuration take, in every role', () => {
		const started = workloads.map(({ file, manifest }) => ({
			manifest,
			...tryStart(containerStart(file, only(manifest))),
		}));
		assert.deepEqual(started.map(({ role }) => role).toSorted(), ROLES);
		assert.equal(started.find(({ role }) => role === 'origin')!.manifest.kind, 'StatefulSet');
		for (const { manifest, config } of started) {
			const ports = only(manifest).ports.map(({ containerPort }) => containerPort);
			assert.deepEqual(ports.toSorted(), listeningPorts(config).toSorted(), manifest.metadata.name);
		}
	});

	it('hang together: services, selectors, upstreams, volumes and what scales', () => {
		const pods = workloads.map(({ manifest }) => manifest.spec.template!);
		const selects = (labels: Record<string, string>) =>
			pods.find(({ metadata }) => Object.entries(labels).every(([key, value]) => metadata.labels[key] === value));
		const servedBy = (service: string): number[] =>
			(named('Service', service)?.spec.ports ?? []).map(({ port }) => port);
		for (const { file, manifest } of manifests) {
			const { kind, spec } = manifest;
			const what = `${file}, ${kind} ${manifest.metadata.name}`;
			if (kind === 'HorizontalPodAutoscaler') {
				const target = named(spec.scaleTargetRef!.kind, spec.scaleTargetRef!.name);
				assert.equal(target?.apiVersion, spec.scaleTargetRef!.apiVersion, what);
				continue;
			}
			const pod = selects(spec.selector.matchLabels ?? spec.selector);
			assert.ok(pod !== undefined, what);
			for (const { port, targetPort = port } of kind === 'Service' ? spec.ports! : []) {
				const ports = pod.spec.containers[0]!.ports.flatMap(({ name, containerPort }) => [name, containerPort]);
				assert.ok(ports.includes(targetPort), `${what}: ${targetPort}`);
			}
			if (spec.template !== undefined) {
				assert.equal(pod, spec.template, what);
				assert.ok(spec.serviceName === undefined || named('Service', spec.serviceName) !== undefined, what);
				assertUpstreamsServe(containerStart(file, only(manifest)), servedBy);
				const claims = (spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata);
				const volumes = [...(spec.template.spec.volumes ?? []), ...claims].map(({ name }) => name);
				assert.deepEqual(
					(only(manifest).volumeMounts ?? []).map(({ name }) => name),
					volumes,
					what,
				);
			}
		}
	});

	it('probe what there is, and leave time to drain', () => {
		for (const { file, manifest } of workloads) {
			const container = only(manifest);
			const { config } = tryStart(containerStart(file, container));
			for (const { httpGet } of [container.readinessProbe, container.livenessProbe]) {
				const probed = container.ports.find(({ name }) => name === httpGet.port);
				assert.equal(probed?.containerPort, config.admin.port, file);
				assert.ok(PROBES.includes(httpGet.path), httpGet.path);
			}
			const [program, seconds] = container.lifecycle?.preStop.exec.command ?? ['sleep', '0'];
			assert.equal(program, 'sleep');
			const { terminationGracePeriodSeconds: graceSeconds } = manifest.spec.template!.spec;
			assert.ok(graceSeconds > Number(seconds) + deadlineSeconds(config), `${file}: the grace period is too short`);
			// Others can take over the viewers of a gateway, and need to be told of first.
			assert.equal(Number(seconds) > 0, manifest.kind === 'Deployment', file);
		}
	});
});

type Schema = { validate: { (manifest: Manifest): boolean; errors: unknown } };

function capitalized(word: string): string {
	return word.slice(0, 1).toUpperCase() + word.slice(1);
}

function deadlineSeconds({ shutdown }: Config): number {
	return shutdown.deadline / 1000;
}

/** A view of `value` for a validator: `unread` keeps the path of each field that it has not looked at, which no schema knows. */
function watched<T extends object>(value: T, path: string, unread: Set<string>): T {
	const fields = new Map<string, unknown>();
	for (const [key, field] of Object.entries(value)) {
		unread.add(`${path}/${key}`);
		fields.set(key, typeof field === 'object' && field !== null ? watched(field, `${path}/${key}`, unread) : field);
	}
	return new Proxy(value, {
		get(target, key) {
			unread.delete(`${path}/${String(key)}`);
			return fields.get(String(key)) ?? Reflect.get(target, key);
		},
	});
}
