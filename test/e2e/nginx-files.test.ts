import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { Program } from '../support/program.js';
import { freePort } from '../support/server-process.js';
import { startServer } from '../support/test-server.js';
import { findProgram, missing } from '../support/tools.js';
import { until } from '../support/until.js';

const SEGMENT = 'hls/live/test/segment_1.ts';
const PLAYLIST = 'hls/live/test/index.m3u8';
const BODY = Buffer.alloc(300_000, '0123456789');
const TEXT = `#EXTM3U\n${'#EXTINF:4.0,\nsegment_1.ts\n'.repeat(300)}`;
const GATEWAYS = 3;

/** curl's answer: head and body. */
async function curl(url: string, ...args: string[]): Promise<{ head: string; status: number; body: Buffer }> {
	const { stdout } = await promisify(execFile)('curl', ['-sS', '-i', '--path-as-is', ...args, url], {
		encoding: 'buffer',
		maxBuffer: 16 * 1024 * 1024,
	});
	const end = stdout.indexOf('\r\n\r\n');
	const head = stdout.toString('latin1', 0, end);
	return { head, status: Number(head.split(' ')[1]), body: stdout.subarray(end + 4) };
}

function field(head: string, name: string): string {
	return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim() ?? '';
}

describe('nginx in front of three file gateways', () => {
	it('gets one and the same answer from each, whatever curl asks', { skip: missing('nginx', 'curl') }, async (t) => {
		const first = await startServer(t, { role: 'file-gateway' });
		mkdirSync(path.join(first.media, 'hls/live/test'), { recursive: true });
		writeFileSync(path.join(first.media, SEGMENT), BODY);
		writeFileSync(path.join(first.media, PLAYLIST), TEXT);
		writeFileSync(path.join(first.directory, 'secret.txt'), 'secret');
		const others = await Promise.all(
			Array.from({ length: GATEWAYS - 1 }, () =>
				startServer(t, { role: 'file-gateway', args: ['--root', first.media] }),
			),
		);
		const port = await freePort();
		const configuration = path.join(first.directory, 'nginx.conf');
		const servers = [first, ...others].map(({ ports }) => `server 127.0.0.1:${ports.files};`).join(' ');
		writeFileSync(
			configuration,
			`daemon off; master_process off; pid ${first.directory}/nginx.pid; error_log ${first.directory}/nginx-error.log;
			events {}
			http {
				access_log off;
				upstream files { ${servers} keepalive 8; }
				server {
					listen 127.0.0.1:${port};
					location / { proxy_pass http://files; proxy_http_version 1.1; proxy_set_header Connection ''; }
				}
			}`,
		);
		new Program(t, findProgram('nginx') ?? 'nginx', ['-c', configuration, '-p', first.directory]);
		const url = (file: string): string => `http://127.0.0.1:${port}/${file}`;
		await until('nginx answers', async () => (await fetch(url(PLAYLIST)).catch(() => null))?.status === 200);

		// Three times each, so that every gateway is asked.
		for (let round = 0; round < GATEWAYS; round++) {
			const whole = await curl(url(SEGMENT));
			assert.equal(whole.status, 200);
			assert.ok(whole.body.equals(BODY));
			const etag = field(whole.head, 'etag');
			const modified = field(whole.head, 'last-modified');
			for (let gateway = 0; gateway < GATEWAYS; gateway++) {
				assert.equal((await curl(url(SEGMENT), '-H', `If-None-Match: ${etag}`)).status, 304);
				assert.equal((await curl(url(SEGMENT), '-H', `If-Modified-Since: ${modified}`)).status, 304);
			}
			const range = await curl(url(SEGMENT), '-r', '100-199', '-H', `If-Range: ${etag}`);
			assert.equal(range.status, 206);
			assert.ok(range.body.equals(BODY.subarray(100, 200)));
			assert.equal((await curl(url(SEGMENT), '-r', '0-9', '-H', 'If-Range: "old"')).status, 200);
			const suffix = await curl(url(SEGMENT), '-r', '-50');
			assert.equal(field(suffix.head, 'content-range'), 'bytes 299950-299999/300000');
			const several = await curl(url(SEGMENT), '-r', '0-4,10-14');
			assert.equal(several.status, 206);
			assert.match(field(several.head, 'content-type'), /^multipart\/byteranges; boundary=/);
			const outside = await curl(url(SEGMENT), '-r', '300000-');
			assert.equal(outside.status, 416);
			assert.equal(field(outside.head, 'content-range'), 'bytes */300000');
			const head = await curl(url(SEGMENT), '-I');
			assert.equal(field(head.head, 'content-length'), '300000');
			const gzip = await curl(url(PLAYLIST), '-H', 'Accept-Encoding: gzip');
			assert.equal(gunzipSync(gzip.body).toString(), TEXT);
			const brotli = await curl(url(PLAYLIST), '-H', 'Accept-Encoding: br');
			assert.equal(brotliDecompressSync(brotli.body).toString(), TEXT);
			const options = await curl(url(PLAYLIST), '-X', 'OPTIONS', '-H', 'Origin: https://page.example');
			assert.equal(options.status, 204);
			assert.equal(field(options.head, 'access-control-allow-origin'), '*');
		}
		for (const target of ['../secret.txt', '%2e%2e/secret.txt', 'hls/..%2f..%2fsecret.txt', '%2e%2e%2fsecret.txt']) {
			for (const { ports } of [first, ...others]) {
				const { status, body } = await curl(`http://127.0.0.1:${ports.files}/${target}`);
				assert.equal(status, 404, target);
				assert.doesNotMatch(body.toString(), /^secret/);
			}
		}
	});
});
