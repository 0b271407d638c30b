import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { readArguments } from '#src/cli/args.js';
import { loadConfig } from '#src/config/load.js';
import type { Config } from '#src/config/schema.js';
import type { RoleName } from '#src/primary/roles.js';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const OPS = join(ROOT, 'ops');

/** A start of Millrace that something in `ops` asks for. */
export type Start = { where: string; argv: readonly string[]; env: Readonly<Record<string, string>> };

/** The result of a start. */
export type Started = { role: RoleName; config: Config; upstreams: URL[] };

type Environment = Record<string, string>;

export type ComposeService = {
	image: string;
	command?: string[];
	environment?: Environment;
	ports?: string[];
	volumes?: string[];
	depends_on?: string[];
	stop_grace_period?: string;
	build?: { context: string; dockerfile: string };
};
export type Compose = { services: Record<string, ComposeService>; volumes: Record<string, unknown> };

export type Container = {
	name: string;
	args: string[];
	env?: { name: string; value: string }[];
	ports: { name: string; containerPort: number }[];
	readinessProbe: Probe;
	livenessProbe: Probe;
	lifecycle?: { preStop: { exec: { command: string[] } } };
	volumeMounts?: { name: string }[];
};
type Probe = { httpGet: { path: string; port: string } };
type Labels = Record<string, string>;

/** The fields that the manifests of `ops` use. */
export type Manifest = {
	apiVersion: string;
	kind: string;
	metadata: { name: string };
	spec: {
		selector: Labels & { matchLabels?: Labels };
		ports?: { name: string; port: number; targetPort?: string }[];
		serviceName?: string;
		scaleTargetRef?: { apiVersion: string; kind: string; name: string };
		volumeClaimTemplates?: { metadata: { name: string } }[];
		template?: {
			metadata: { labels: Labels };
			spec: {
				terminationGracePeriodSeconds: number;
				containers: Container[];
				volumes?: { name: string }[];
			};
		};
	};
};

export function opsFile(name: string): string {
	return readFileSync(join(OPS, name), 'utf8');
}

export function readCompose(): Compose {
	return parse(opsFile('docker/compose.yaml'), { merge: true }) as Compose;
}

export function readManifests(): { file: string; manifest: Manifest }[] {
	return readdirSync(join(OPS, 'kubernetes')).flatMap((file) =>
		parseAllDocuments(opsFile(`kubernetes/${file}`)).map((document) => ({
			file,
			manifest: document.toJS() as Manifest,
		})),
	);
}

/** Reads the image's own start: the default arguments and the environment. */
export function readImage(): Start {
	const dockerfile = opsFile('docker/Dockerfile');
	const stage = dockerfile.slice(dockerfile.lastIndexOf('FROM '));
	const variables = [...stage.matchAll(/^ENV (.*)$/gm)].flatMap(([, list]) => list!.split(' '));
	const argv = JSON.parse(/^CMD (\[.*\])$/m.exec(stage)![1]!) as string[];
	return { where: 'docker/Dockerfile', argv, env: environmentOf(variables) };
}

export function composeStarts(): Map<string, Start> {
	const image = readImage();
	const own = Object.entries(readCompose().services).filter(([, service]) => service.image === 'millrace');
	return new Map(
		own.map(([name, { command = image.argv, environment = {} }]) => [
			name,
			{ where: `docker/compose.yaml, ${name}`, argv: command, env: { ...image.env, ...environment } },
		]),
	);
}

export function containerStart(file: string, { name, args, env = [] }: Container): Start {
	const own = Object.fromEntries(env.map((variable) => [variable.name, variable.value]));
	return { where: `kubernetes/${file}, ${name}`, argv: args, env: { ...readImage().env, ...own } };
}

/** `values` stands for what the unit reads from the files of /etc/millrace. */
export function unitStart(file: string, instance: string, values: Environment): Start {
	const unit = opsFile(`systemd/${file}`).replaceAll('%i', instance);
	const command = /^ExecStart=\S+ node \S+\/dist\/supervisor\.js (.*)$/m.exec(unit)![1]!;
	const words = command.replaceAll(/\$\{(\w+)\}/g, (_all, name: string) => values[name]!).split(' ');
	// The file is the user's.
	const config = words.indexOf('--config');
	const argv = config < 0 ? words : words.toSpliced(config, 2);
	const env = environmentOf([...unit.matchAll(/^Environment=(.*)$/gm)].map(([, variable]) => variable!));
	return { where: `systemd/${file}`, argv, env };
}

/** Reads a start as the server would. Throws ConfigError where the server would refuse it. */
export function tryStart({ argv, env }: Start): Started {
	// A directory that is there on this machine.
	const here = (value: string, isMedia: boolean): string => (isMedia ? tmpdir() : value);
	const words = argv.map((word, index) => here(word, argv[index - 1] === '--media'));
	const variables = Object.entries(env).map(([name, value]) => [name, here(value, name === 'MILLRACE_MEDIA')]);
	const invocation = readArguments(words, Object.fromEntries(variables) as Environment);
	if (invocation.action !== 'run') {
		throw new Error(`this starts nothing: ${argv.join(' ')}`);
	}
	const { config } = loadConfig(invocation.sources);
	return { role: invocation.role, config, upstreams: config.gateway.upstreams.map(({ address }) => new URL(address)) };
}

/** The ports that a start listens on. */
export function listeningPorts({ rtmp, http, files, admin }: Config): number[] {
	return [rtmp.port, rtmp.tlsPort, http.port, files.port, admin.port].filter((port) => port !== 'off');
}

function environmentOf(variables: readonly string[]): Environment {
	return Object.fromEntries(variables.map((variable) => variable.split('=', 2) as [string, string]));
}
