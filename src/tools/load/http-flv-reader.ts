// Spec: RFC 9112 (HTTP/1.1), sections 4 and 7.1; RFC 6455 (WebSocket), sections 4.1 and 5.2.

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const MAX_HEAD_BYTES = 16 * 1024;
const MAX_CHUNK_HEADER_BYTES = 16;
const FIRST_CONTROL_OPCODE = 8;
const CLOSE_OPCODE = 8;

/** The head of a response. */
export type ResponseHead = { status: number; headers: ReadonlyMap<string, string> };

/** One HTTP chunk or WebSocket frame: `header` bytes, `body` bytes, `trailer` bytes. */
type Frame = { header: number; body: number; trailer: number; kind: 'media' | 'control' | 'close' };

/** Reads the response to one HTTP-FLV or WS-FLV request: its head, then its body freed of chunks or frames. */
export class HttpFlvReader {
	head: ResponseHead | null = null;
	readonly #onBody: (bytes: Buffer) => void;
	readonly #onClose: () => void;
	#pending: Buffer = Buffer.alloc(0);
	#readFrame: ((data: Buffer) => Frame | null) | null = null;
	#bodyLeft = 0;
	#trailerLeft = 0;
	#media = true;

	/** `onBody` borrows its bytes until it returns; `onClose` is called when the server wants to close the WebSocket. */
	constructor(onBody: (bytes: Buffer) => void, onClose: () => void = () => undefined) {
		this.#onBody = onBody;
		this.#onClose = onClose;
	}

	/** `bytes` is borrowed until return. */
	push(bytes: Buffer): void {
		let data = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
		this.#pending = Buffer.alloc(0);
		if (this.head === null) {
			const end = data.indexOf(END_OF_HEAD);
			if (end < 0) {
				if (data.length > MAX_HEAD_BYTES) {
					throw new Error('no end of the response head');
				}
				this.#pending = Buffer.from(data);
				return;
			}
			this.head = parseHead(data.toString('latin1', 0, end));
			this.#readFrame = framingOf(this.head);
			data = data.subarray(end + END_OF_HEAD.length);
		}
		if (this.#readFrame === null) {
			this.#onBody(data);
		} else {
			this.#pending = Buffer.from(data.subarray(this.#unframe(data, this.#readFrame)));
		}
	}

	/** Hands on the media of whole and partial frames; returns how many bytes of `data` are done with. */
	#unframe(data: Buffer, readFrame: (data: Buffer) => Frame | null): number {
		let at = 0;
		while (at < data.length) {
			if (this.#bodyLeft > 0) {
				const end = Math.min(at + this.#bodyLeft, data.length);
				if (this.#media) {
					this.#onBody(data.subarray(at, end));
				}
				this.#bodyLeft -= end - at;
				at = end;
			} else if (this.#trailerLeft > 0) {
				const end = Math.min(at + this.#trailerLeft, data.length);
				this.#trailerLeft -= end - at;
				at = end;
			} else {
				const frame = readFrame(data.subarray(at));
				if (frame === null) {
					break;
				}
				this.#bodyLeft = frame.body;
				this.#trailerLeft = frame.trailer;
				this.#media = frame.kind === 'media';
				at += frame.header;
				if (frame.kind === 'close') {
					this.#onClose();
				}
			}
		}
		return at;
	}
}

function parseHead(text: string): ResponseHead {
	const [statusLine = '', ...lines] = text.split('\r\n');
	const headers = new Map<string, string>();
	for (const line of lines) {
		const colon = line.indexOf(':');
		headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
	}
	return { status: Number(statusLine.split(' ')[1]), headers };
}

function framingOf(head: ResponseHead): ((data: Buffer) => Frame | null) | null {
	if (head.status === 101) {
		return readWebSocketFrame;
	}
	return head.headers.get('transfer-encoding') === 'chunked' ? readChunk : null;
}

function readChunk(data: Buffer): Frame | null {
	const end = data.indexOf('\r\n');
	if (end > MAX_CHUNK_HEADER_BYTES || (end < 0 && data.length > MAX_CHUNK_HEADER_BYTES)) {
		throw new Error(`not a chunk header: ${data.toString('hex', 0, MAX_CHUNK_HEADER_BYTES)}`);
	}
	if (end < 0) {
		return null;
	}
	return { header: end + 2, body: Number.parseInt(data.toString('latin1', 0, end), 16), trailer: 2, kind: 'media' };
}

function readWebSocketFrame(data: Buffer): Frame | null {
	if (data.length < 2) {
		return null;
	}
	const shortLength = data[1]! & 0x7f;
	const header = shortLength === 126 ? 4 : shortLength === 127 ? 10 : 2;
	if (data.length < header) {
		return null;
	}
	const body = header === 2 ? shortLength : header === 4 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
	const opcode = data[0]! & 15;
	const kind = opcode < FIRST_CONTROL_OPCODE ? 'media' : opcode === CLOSE_OPCODE ? 'close' : 'control';
	return { header, body, trailer: 0, kind };
}

/** The answer to a WebSocket server that wants to close: a close frame without a body, masked with zeros. */
export const WEB_SOCKET_CLOSE = Buffer.from('888000000000', 'hex');

/** The request that plays `url` (`http:` or `ws:`). */
export function playRequest(url: URL): Buffer {
	const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`, 'User-Agent: millrace-load'];
	if (url.protocol === 'ws:') {
		lines.push('Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13');
		lines.push('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==');
	}
	return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}
