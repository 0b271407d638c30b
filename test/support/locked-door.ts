import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** An HTTP server in front of another one that lets nobody pass without `Authorization: Basic`. */
export type LockedDoor = {
	port: number;
	/** Requests that were turned away. */
	refused: number;
};

/** Stands in front of `targetPort` of this machine; upgrades to WebSockets pass as well. */
export async function lockedDoor(
	t: TestContext,
	targetPort: number,
	{ user, password }: { user: string; password: string },
): Promise<LockedDoor> {
	const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
	const server = http.createServer((request, response) => {
		if (request.headers.authorization !== wanted) {
			door.refused++;
			response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="inside"' }).end();
			return;
		}
		const { method, url, headers } = request;
		const behind = http.request({ host: '127.0.0.1', port: targetPort, method, path: url, headers }, (answer) => {
			response.writeHead(answer.statusCode ?? 0, answer.rawHeaders);
			answer.pipe(response);
		});
		behind.on('error', () => response.destroy());
		response.on('close', () => behind.destroy());
		request.pipe(behind);
	});
	server.on('upgrade', (request, socket, head) => {
		if (request.headers.authorization !== wanted) {
			door.refused++;
			socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
			return;
		}
		const behind = net.connect(targetPort, '127.0.0.1', () => {
			const lines = request.rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`));
			behind.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
			behind.write(head);
			behind.pipe(socket).pipe(behind);
		});
		for (const end of [socket, behind]) {
			end.on('error', () => undefined);
			end.on('close', () => {
				socket.destroy();
				behind.destroy();
			});
		}
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	const door: LockedDoor = { port: (server.address() as AddressInfo).port, refused: 0 };
	return door;
}
