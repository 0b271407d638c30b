import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRtmpUrl, type RtmpUrl } from '#src/protocol/rtmp/url.js';

const CASES: { text: string; url: RtmpUrl | null }[] = [
	{
		text: 'rtmp://host/live/name',
		url: { secure: false, host: 'host', port: 1935, app: 'live', streamName: 'name', tcUrl: 'rtmp://host/live' },
	},
	{
		text: 'rtmps://host:19350/live/a/b?key=1&x=/',
		url: {
			secure: true,
			host: 'host',
			port: 19_350,
			app: 'live',
			streamName: 'a/b?key=1&x=/',
			tcUrl: 'rtmps://host:19350/live',
		},
	},
	{
		text: 'rtmps://host/live/a',
		url: { secure: true, host: 'host', port: 443, app: 'live', streamName: 'a', tcUrl: 'rtmps://host/live' },
	},
	{
		text: 'rtmp://[::1]:1936/live/a',
		url: { secure: false, host: '::1', port: 1936, app: 'live', streamName: 'a', tcUrl: 'rtmp://[::1]:1936/live' },
	},
	{
		text: 'rtmp://host/live',
		url: { secure: false, host: 'host', port: 1935, app: 'live', streamName: '', tcUrl: 'rtmp://host/live' },
	},
	{ text: 'http://host/live/a', url: null },
	{ text: 'live/a', url: null },
];

for (const { text, url } of CASES) {
	test(`${text} is ${url === null ? 'no RTMP URL' : 'taken apart'}`, () => assert.deepEqual(parseRtmpUrl(text), url));
}
