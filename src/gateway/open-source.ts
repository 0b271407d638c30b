import { HttpSource } from './http-source.js';
import { RtmpSource } from './rtmp-source.js';
import type { Source, SourceEvents, SourceTarget } from './source.js';
import { WsSource } from './ws-source.js';

/** Connects to an upstream in the way that its address says. */
export function openSource(target: SourceTarget, events: SourceEvents): Source {
	switch (new URL(target.upstream).protocol) {
		case 'ws:':
		case 'wss:':
			return new WsSource(target, events);
		case 'rtmp:':
		case 'rtmps:':
			return new RtmpSource(target, events);
		default:
			return new HttpSource(target, events);
	}
}
