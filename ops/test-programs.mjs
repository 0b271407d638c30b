/** The other programs that the end-to-end tests run Millrace against, from Debian's packages. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** A file that is there when the package is, found in PATH unless it is absolute; and what tests need it for. */
const PROGRAMS = [
	{ file: 'ffmpeg', packages: ['ffmpeg'], tests: 'publishing and playing with FFmpeg' },
	{ file: 'openssl', packages: ['openssl'], tests: 'RTMPS' },
	{ file: 'rtmpdump', packages: ['rtmpdump'], tests: 'playing with rtmpdump' },
	{
		file: 'gst-launch-1.0',
		packages: ['gstreamer1.0-tools', 'gstreamer1.0-plugins-good', 'gstreamer1.0-plugins-bad', 'gstreamer1.0-libav'],
		tests: 'playing with GStreamer',
	},
	{
		file: '/usr/lib/nginx/modules/ngx_rtmp_module.so',
		packages: ['nginx', 'libnginx-mod-rtmp'],
		tests: 'relays to and from nginx-rtmp',
	},
	{
		file: '/usr/lib/nginx/modules/ngx_stream_module.so',
		packages: ['nginx', 'libnginx-mod-stream'],
		tests: 'the configurations of nginx in ops',
	},
	{ file: '/usr/sbin/haproxy', packages: ['haproxy'], tests: 'the configuration of HAProxy in ops' },
	{ file: 'systemd-analyze', packages: ['systemd'], tests: 'the units in ops' },
	{ file: '/usr/sbin/nft', packages: ['nftables', 'iproute2'], tests: 'gateways over a network that loses packets' },
	{ file: 'promtool', packages: ['prometheus'], tests: 'the form of /metrics, and the alerts' },
	{ file: 'chromium', packages: ['chromium'], tests: 'the pages in a browser' },
];

/** Keeps Debian from starting the services of what is installed: tests start their own. */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d';

/** Installs what is missing where that can be done (Debian, as root); elsewhere says what is missing and what that skips. */
export function installTestPrograms() {
	const absent = PROGRAMS.filter(({ file }) => !isInstalled(file));
	if (absent.length === 0) {
		return;
	}
	if (existsSync('/etc/debian_version') && process.getuid?.() === 0) {
		install(absent.map(({ packages }) => packages));
	}
	for (const { file, packages, tests } of absent.filter((program) => !isInstalled(program.file))) {
		const effect = process.env.CI ? 'fail' : 'are skipped';
		say(`${path.basename(file)} is not installed (${packages.join(' ')}); these tests ${effect}: ${tests}`);
	}
}

/** One by one: a package that is not to be had holds up no other. */
function install(packageLists) {
	const ownPolicy = !existsSync(SERVICE_POLICY);
	if (ownPolicy) {
		writeFileSync(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
	}
	apt(['update', '-qq']);
	for (const packages of packageLists) {
		say(`installing ${packages.join(' ')}`);
		apt(['install', '-qq', '-y', '--no-install-recommends', ...packages]);
	}
	if (ownPolicy) {
		rmSync(SERVICE_POLICY);
	}
}

function apt(args) {
	spawnSync('apt-get', args, {
		stdio: ['ignore', 'ignore', 'inherit'],
		env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
	});
}

function isInstalled(file) {
	const directories = path.isAbsolute(file) ? [''] : [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin'];
	return directories.some((directory) => existsSync(path.join(directory, file)));
}

function say(message) {
	process.stderr.write(`millrace: ${message}\n`);
}
