import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseVia, mediaHost, parseStream, recordingUrl, streamUrls } from '#src/web/assets/web/stream-address.js';

describe('stream addresses of the pages', () => {
	it('takes a name as people write it', () => {
		for (const text of ['live/test', ' live/test ', '/live/test/', 'live/test.flv']) {
			assert.equal(parseStream(text), 'live/test', text);
		}
		for (const text of ['', 'test', 'live/te st', 'live/../x', 'a/b/c', `live/${'x'.repeat(129)}`]) {
			assert.equal(parseStream(text), null, text);
		}
	});

	it('looks for media where the page came from, unless that port serves files only', () => {
		const at = (hostname: string, port: string) => ({
			hostname,
			port,
			host: port === '' ? hostname : `${hostname}:${port}`,
		});
		assert.equal(mediaHost(at('tv.example', '8501'), null), 'tv.example:8501');
		assert.equal(mediaHost(at('tv.example', '8080'), null), 'tv.example:8080');
		assert.equal(mediaHost(at('tv.example', ''), null), 'tv.example:8501');
		assert.equal(mediaHost(at('tv.example', '8000'), ''), 'tv.example:8501');
		assert.equal(mediaHost(at('[2001:db8::1]', '80'), null), '[2001:db8::1]:8501');
		assert.equal(mediaHost(at('tv.example', ''), 'other.example:9000'), 'other.example:9000');
	});

	it('builds the addresses of a stream', () => {
		assert.deepEqual(streamUrls('tv.example:8501', 'live/test', false), {
			httpFlv: 'http://tv.example:8501/live/test.flv',
			wsFlv: 'ws://tv.example:8501/live/test.flv',
			llHls: 'http://tv.example:8501/hls/live/test/live.m3u8',
			hls: 'http://tv.example:8501/hls/live/test/index.m3u8',
			push: 'ws://tv.example:8501/live/test',
			rtmp: 'rtmp://tv.example/live/test',
		});
		assert.equal(streamUrls('[::1]:8501', 'live/test', true).wsFlv, 'wss://[::1]:8501/live/test.flv');
		assert.equal(streamUrls('[::1]:8501', 'live/test', true).rtmp, 'rtmp://[::1]/live/test');
	});

	it('plays as asked, else FLV, else HLS where a browser cannot play FLV', () => {
		assert.equal(chooseVia('hls', true), 'hls');
		assert.equal(chooseVia('ws', false), 'ws');
		assert.equal(chooseVia(null, true), 'http');
		assert.equal(chooseVia(null, false), 'll-hls');
		assert.equal(chooseVia('carrier-pigeon', true), 'http');
	});

	it('knows where recordings are', () => {
		assert.equal(recordingUrl('live/test', 'mp4'), '/mp4/live/test/output_merge/test_full.mp4');
		assert.equal(recordingUrl('live/test', 'flv'), '/flv/live/test/index.flv');
		assert.equal(recordingUrl('live/test', 'merged'), '/mp4/live/test/output_merge/index.m3u8');
		assert.equal(recordingUrl('live/test', 'separate'), '/mp4/live/test/output_separate/index.m3u8');
	});
});
