// Spec: ISO/IEC 23009-1 5.8.4.11 (urn:mpeg:dash:utc:http-xsdate:2014)
import type { ServerResponse } from 'node:http';
import { UTC_TIMING_URL } from '../protocol/mpd/manifest.js';

export function asksForTime(path: string): boolean {
	return path === UTC_TIMING_URL;
}

/** Answers with the time as xs:dateTime. DASH players set their clocks by it. */
export function answerTime(response: ServerResponse, cors: Readonly<Record<string, string>>): void {
	const body = new Date().toISOString();
	response
		.writeHead(200, {
			...cors,
			'Content-Type': 'text/plain; charset=utf-8',
			'Content-Length': body.length,
			'Cache-Control': 'no-store',
		})
		.end(response.req.method === 'HEAD' ? undefined : body);
}
