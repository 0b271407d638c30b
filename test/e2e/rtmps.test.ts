import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BAR_CLIP } from '#src/tools/load/clip.js';
import { patient } from '../support/patience.js';
import { ffmpegPlayer } from '../support/players.js';
import { Program } from '../support/program.js';
import { ffmpegPush } from '../support/push.js';
import { freePort } from '../support/server-process.js';
import { playersWait, startServer, WAITING } from '../support/test-server.js';
import { missing } from '../support/tools.js';

const CLIP = fileURLToPath(BAR_CLIP);

test('ffmpeg publishes and plays over TLS', {
	skip: missing('ffmpeg', 'openssl'),
	timeout: patient(60_000),
}, async (t) => {
	const directory = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
	t.after(() => rmSync(directory, { recursive: true, force: true }));
	const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
	const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost'];
	await new Program(t, 'openssl', [...request, '-keyout', key, '-out', cert]).succeed();

	const tlsPort = await freePort();
	const server = await startServer(t, {
		config: { ...WAITING, rtmp: { tlsPort }, tls: { cert, key } },
	});
	const url = `rtmps://127.0.0.1:${tlsPort}/live/secret`;
	const players = [ffmpegPlayer(t, url), ffmpegPlayer(t, server.httpUrl('live/secret.flv'))];
	await playersWait(server, 'live/secret', players.length);
	await ffmpegPush(t, CLIP, url).succeed();
	await Promise.all(players.map((player) => player.check(CLIP)));
});
