import { openHttpSource } from './http-source.js';
import { openRtmpSource } from './rtmp-source.js';
import type { Source, SourceEvents, SourceTarget } from './source.js';
import { openWsSource } from './ws-source.js';

/** Connects to an upstream in the way that the address says. */
export function openSource(target: SourceTarget, events: SourceEvents): Source {
	switch (target.url.protocol) {
		case 'ws:':
		case 'wss:':
			return openWsSource(target, events);
		case 'rtmp:':
		case 'rtmps:':
			return openRtmpSource(target, events);
		default:
			return openHttpSource(target, events);
	}
}
