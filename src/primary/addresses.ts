import type { NetworkInterfaceInfo } from 'node:os';

/** The network interfaces of this machine, as node:os lists them. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** Bound ports by listener. */
type Ports = Partial<Record<'rtmp' | 'http' | 'files' | 'admin', number>>;

const WILDCARDS = ['::', '0.0.0.0'];
const LOOPBACK = ['::1', '127.0.0.1'];
const HTTP_PORT = 80;
const RTMP_PORT = 1935;
/** A machine with containers has dozens of addresses; nobody reads them all. */
const MAX_ADDRESSES = 6;

/** The addresses that people open in a browser, this machine's own name first; none when no port serves pages. */
export function pageAddresses(host: string, { http, files }: Ports, interfaces: Interfaces): string[] {
	const port = http ?? files;
	return port === undefined ? [] : addresses('http', host, port, HTTP_PORT, interfaces);
}

/** The addresses that encoders publish to, without the name of a stream. */
export function publishAddresses(host: string, { rtmp }: Ports, interfaces: Interfaces): string[] {
	return rtmp === undefined ? [] : addresses('rtmp', host, rtmp, RTMP_PORT, interfaces);
}

function addresses(scheme: string, host: string, port: number, usual: number, interfaces: Interfaces): string[] {
	const suffix = port === usual ? '/' : `:${port}/`;
	return hostsOf(host, interfaces).map((name) => `${scheme}://${name}${suffix}`);
}

function hostsOf(host: string, interfaces: Interfaces): string[] {
	if (LOOPBACK.includes(host)) {
		return ['localhost'];
	}
	return WILDCARDS.includes(host) ? ['localhost', ...lanHosts(interfaces)].slice(0, MAX_ADDRESSES) : [inUrl(host)];
}

/** IPv4 as people know their network by; IPv6 where there is no other. */
function lanHosts(interfaces: Interfaces): string[] {
	const outside = Object.values(interfaces)
		.flatMap((list) => list ?? [])
		.filter(({ internal }) => !internal);
	const v4 = outside.filter(({ family }) => family === 'IPv4');
	const v6 = outside.filter(({ family, scopeid }) => family === 'IPv6' && scopeid === 0);
	return (v4.length > 0 ? v4 : v6).map(({ address }) => inUrl(address));
}

function inUrl(address: string): string {
	return address.includes(':') ? `[${address}]` : address;
}
