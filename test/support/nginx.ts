import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Program } from './program.js';
import { freePort } from './server-process.js';
import { findProgram } from './tools.js';
import { until } from './until.js';

const RTMP_MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';

/** Debian's nginx-rtmp with the given `application` blocks; returns its port. */
export async function startNginxRtmp(t: TestContext, directory: string, applications: string): Promise<number> {
	const port = await freePort();
	const file = join(directory, 'nginx.conf');
	writeFileSync(
		file,
		`load_module ${RTMP_MODULE};
		daemon off;
		master_process off;
		pid ${directory}/nginx.pid;
		error_log ${directory}/nginx-error.log info;
		events {}
		rtmp { access_log off; server { listen 127.0.0.1:${port}; ${applications} } }`,
	);
	new Program(t, findProgram('nginx') ?? 'nginx', ['-c', file, '-p', directory]);
	await until('nginx listens', () => listens(port));
	return port;
}

/** Somebody takes connections there. */
export function listens(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect(port, '127.0.0.1', () => {
			socket.destroy();
			resolve(true);
		});
		socket.once('error', () => resolve(false));
	});
}
