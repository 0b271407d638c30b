import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Interfaces, pageAddresses, publishAddresses } from '#src/primary/addresses.js';

const v4 = (address: string, internal = false) =>
	({ address, internal, family: 'IPv4', netmask: '', mac: '', cidr: null }) as const;
const v6 = (address: string, scopeid: number, internal = false) =>
	({ address, internal, family: 'IPv6', netmask: '', mac: '', cidr: null, scopeid }) as const;
const LAN: Interfaces = {
	lo: [v4('127.0.0.1', true), v6('::1', 0, true)],
	eth0: [v4('192.168.1.7'), v6('fe80::1', 2), v6('2001:db8::7', 0)],
	wlan0: [v4('10.0.0.3')],
};

describe('the addresses that are told at the start', () => {
	const ports = { http: 8501, rtmp: 1935, files: 80 };
	const CASES: readonly [name: string, got: string[], wanted: string[]][] = [
		[
			'those of this machine and of its networks',
			pageAddresses('::', ports, LAN),
			['http://localhost:8501/', 'http://192.168.1.7:8501/', 'http://10.0.0.3:8501/'],
		],
		[
			'the usual port left out',
			publishAddresses('0.0.0.0', ports, LAN),
			['rtmp://localhost/', 'rtmp://192.168.1.7/', 'rtmp://10.0.0.3/'],
		],
		['the one that is listened on', pageAddresses('192.168.1.7', ports, LAN), ['http://192.168.1.7:8501/']],
		['IPv6 in brackets', pageAddresses('2001:db8::7', ports, LAN), ['http://[2001:db8::7]:8501/']],
		['nothing of the network on loopback', publishAddresses('127.0.0.1', ports, LAN), ['rtmp://localhost/']],
		[
			'IPv6 in a network without IPv4, but not of one link only',
			pageAddresses('::', ports, { eth0: [v6('fe80::1', 2), v6('2001:db8::7', 0)] }),
			['http://localhost:8501/', 'http://[2001:db8::7]:8501/'],
		],
		[
			'those of files where nothing else is served',
			pageAddresses('127.0.0.1', { files: 80 }, LAN),
			['http://localhost/'],
		],
		['none where nothing is served', pageAddresses('::', { admin: 9750 }, LAN), []],
		['none where nobody can publish', publishAddresses('::', { http: 8501 }, LAN), []],
	];
	for (const [name, got, wanted] of CASES) {
		it(`are ${name}`, () => assert.deepEqual(got, wanted));
	}

	it('are not more than people read', () => {
		const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`veth${n}`, [v4(`172.17.0.${n}`)]]));
		assert.ok(pageAddresses('::', ports, many).length <= 6);
	});
});
