import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerDescription } from '#src/web/assets/web/server.js';
import { chooseVia, mediaBase, parseStream, recordingUrl, streamUrls } from '#src/web/assets/web/stream-address.js';

const BASE = new URL('https://tv.example/tv/');
const SERVER: ServerDescription = {
	role: 'origin',
	port: 8501,
	live: true,
	publish: true,
	ports: { rtmp: 1935, http: 8501, files: 80 },
	recorded: { flv: true, fmp4: true, hls: true },
	lowLatency: true,
};

describe('stream addresses of the pages', () => {
	it('takes a name as people write it', () => {
		for (const text of ['live/test', ' live/test ', '/live/test/', 'live/test.flv']) {
			assert.equal(parseStream(text), 'live/test', text);
		}
		for (const text of ['', 'test', 'live/te st', 'live/../x', 'a/b/c', `live/${'x'.repeat(129)}`]) {
			assert.equal(parseStream(text), null, text);
		}
	});

	it('looks for media where the page came from, with scheme, prefix and port, unless that port serves files only', () => {
		const files = { ...SERVER, port: 80, live: false };
		const at = (base: string, server = SERVER, given: string | null = null) =>
			mediaBase(new URL(base), server, given).href;
		assert.equal(at('http://tv.example:8501/'), 'http://tv.example:8501/');
		assert.equal(at('http://tv.example/', files), 'http://tv.example:8501/');
		assert.equal(at('http://[2001:db8::1]/', files), 'http://[2001:db8::1]:8501/');
		assert.equal(at('https://tv.example/'), 'https://tv.example/', 'a TLS proxy in front of the media port');
		assert.equal(at('https://tv.example/', files), 'https://tv.example/', 'a TLS proxy in front of the files port');
		assert.equal(at('http://tv.example:9000/', files), 'http://tv.example:9000/', 'another port: a proxy');
		assert.equal(at('https://tv.example:8443/stream/'), 'https://tv.example:8443/stream/');
		assert.equal(at('http://tv.example/', files, 'other.example:9000'), 'http://other.example:9000/');
		const { http, ...ports } = SERVER.ports;
		assert.equal(
			at('http://tv.example/', { ...files, ports }),
			'http://tv.example/',
			'a file gateway has no media port',
		);
	});

	it('builds the addresses of a stream', () => {
		assert.deepEqual(streamUrls(new URL('http://tv.example:8501/'), SERVER, 'live/test'), {
			httpFlv: 'http://tv.example:8501/live/test.flv',
			wsFlv: 'ws://tv.example:8501/live/test.flv',
			llHls: 'http://tv.example:8501/hls/live/test/live.m3u8',
			hls: 'http://tv.example:8501/hls/live/test/index.m3u8',
			push: 'ws://tv.example:8501/live/test',
			rtmp: 'rtmp://tv.example/live/test',
		});
		const proxied = streamUrls(new URL('https://[::1]/tv/'), SERVER, 'live/test');
		assert.equal(proxied.wsFlv, 'wss://[::1]/tv/live/test.flv');
		assert.equal(proxied.rtmp, 'rtmp://[::1]/live/test');
	});

	it('names the port of RTMP where it is another one, and RTMPS where there is nothing else', () => {
		const rtmp = (ports: ServerDescription['ports']) =>
			streamUrls(new URL('http://tv.example/'), { ...SERVER, ports }, 'live/test').rtmp;
		assert.equal(rtmp({ rtmp: 1936 }), 'rtmp://tv.example:1936/live/test');
		assert.equal(rtmp({ rtmps: 1936 }), 'rtmps://tv.example:1936/live/test');
		assert.equal(rtmp({ rtmps: 443 }), 'rtmps://tv.example/live/test');
		assert.equal(rtmp({}), null);
	});

	it('plays as asked, else FLV, else HLS where browser or server cannot play FLV', () => {
		assert.equal(chooseVia('hls', true, 'origin'), 'hls');
		assert.equal(chooseVia('ws', false, 'origin'), 'ws');
		assert.equal(chooseVia(null, true, 'flv-gateway'), 'http');
		assert.equal(chooseVia(null, true, 'file-gateway'), 'll-hls');
		assert.equal(chooseVia(null, false, 'origin'), 'll-hls');
		assert.equal(chooseVia('carrier-pigeon', true, 'origin'), 'http');
	});

	it('knows where recordings are', () => {
		assert.equal(
			recordingUrl(BASE, 'live/test', 'mp4'),
			'https://tv.example/tv/mp4/live/test/output_merge/test_full.mp4',
		);
		assert.equal(recordingUrl(BASE, 'live/test', 'flv'), 'https://tv.example/tv/flv/live/test/index.flv');
		assert.equal(
			recordingUrl(BASE, 'live/test', 'merged'),
			'https://tv.example/tv/mp4/live/test/output_merge/index.m3u8',
		);
		assert.equal(
			recordingUrl(BASE, 'live/test', 'separate'),
			'https://tv.example/tv/mp4/live/test/output_separate/index.m3u8',
		);
	});
});
