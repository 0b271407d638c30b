import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

const pem = (name: string): Buffer =>
	readFileSync(new URL(`../../../test/fixtures/tls/first.${name}.pem`, import.meta.url));

/**
 * A proxy that ends TLS and takes `prefix` off every path, as people have in front of their servers; WebSockets go through.
 * Closed after the test. @returns its address, without a slash at the end.
 */
export async function startTlsProxy(t: TestContext, port: number, prefix: string): Promise<string> {
	const target = { host: '127.0.0.1', port };
	const below = (url = '/'): string => url.slice(prefix.length);
	const proxy = https.createServer({ cert: pem('cert'), key: pem('key') }, (request, response) => {
		const { method = 'GET', headers } = request;
		const onward = http.request({ ...target, method, headers, path: below(request.url) }, (answer) => {
			response.writeHead(answer.statusCode ?? 502, answer.headers);
			answer.pipe(response);
		});
		onward.on('error', () => response.destroy());
		response.on('close', () => onward.destroy());
		request.pipe(onward);
	});
	proxy.on('upgrade', (request, socket, head) => {
		const onward = net.connect(target, () => {
			const lines = request.rawHeaders.flatMap((name, index) =>
				index % 2 === 0 ? [`${name}: ${request.rawHeaders[index + 1]}`] : [],
			);
			onward.write(`GET ${below(request.url)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
			onward.write(head);
			onward.pipe(socket).pipe(onward);
		});
		onward.on('error', () => socket.destroy());
		socket.on('error', () => onward.destroy());
	});
	await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		proxy.close();
		proxy.closeAllConnections();
	});
	return `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
