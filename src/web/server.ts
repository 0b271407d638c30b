/**
 * The answer to `GET server.json`: the kind of this server, and its ways in and out. It never names streams or other
 * machines.
 */
export type ServerDescription = {
	role: string;
	/** Port of the listener that answered. Another one in the page's address: there is a proxy in front of it. */
	port: number;
	/** The listener that answered plays FLV, too; others have files, HLS and pages only. */
	live: boolean;
	/** Publishers are taken. */
	publish: boolean;
	/** Ports that are listened to. */
	ports: { rtmp?: number; rtmps?: number; http?: number; files?: number };
	/** Forms in which streams are recorded. */
	recorded: { flv: boolean; fmp4: boolean; hls: boolean };
	/** Streams are offered as LL-HLS and DASH. */
	lowLatency: boolean;
};

/**
 * The address that all addresses of this server begin with: the folder that the page came from, with every proxy in
 * front of it.
 */
export function pageBase(): URL {
	return new URL('.', location.href);
}

/**
 * Asks the server that the page came from. `app`: what is recorded of the streams of this app.
 * Throws an Error with a sentence for the user when there is no answer.
 */
export async function describeServer(app = ''): Promise<ServerDescription> {
	const url = new URL('server.json', pageBase());
	if (app !== '') {
		url.searchParams.set('app', app);
	}
	const response = await fetch(url);
	if (!response.ok) {
		throw new Error(`The server does not say what it is (${response.status}).`);
	}
	return (await response.json()) as ServerDescription;
}
