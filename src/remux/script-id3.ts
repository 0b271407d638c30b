import { copyOf, type KeptBytes } from '../bytes/kept.js';
import { AmfTypedObject, type AmfValue } from '../codec/amf-value.js';
import { parseScriptValues } from '../codec/amf0.js';
import { buildTextTag } from '../codec/id3-tag.js';

const METADATA = 'onMetaData';
/** Longer data is none that is meant for viewers. */
const MAX_SCRIPT_BYTES = 16 * 1024;

/**
 * Turns a publisher's script data into ID3 tags of a transport stream: texts (onTextData, onCuePoint, ...) and metadata
 * that changes.
 */
export class ScriptToId3 {
	#metadata: KeptBytes | null = null;

	/**
	 * `body` is a script tag's, borrowed. The tag's text has the script's name and its arguments in JSON. Null for what viewers know
	 * already, and for what cannot be understood.
	 */
	tagOf(body: Buffer): Buffer | null {
		if (body.length > MAX_SCRIPT_BYTES) {
			return null;
		}
		const [name, ...values] = parseScriptValues(body);
		if (typeof name !== 'string' || (name === METADATA && !this.#isNews(body))) {
			return null;
		}
		return buildTextTag(name, JSON.stringify(values.length === 1 ? plain(values[0]) : values.map(plain)));
	}

	/** The metadata that a stream begins with is about its tracks. */
	#isNews(body: Buffer): boolean {
		const before = this.#metadata;
		if (before?.equals(body)) {
			return false;
		}
		this.#metadata = copyOf(body);
		return before !== null;
	}
}

/** As JSON can say it. */
function plain(value: AmfValue): unknown {
	if (value instanceof Map) {
		return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
	}
	if (value instanceof AmfTypedObject) {
		return plain(value.properties);
	}
	if (Array.isArray(value)) {
		return value.map(plain);
	}
	if (value === undefined || value instanceof Date || typeof value !== 'object' || value === null) {
		return value ?? null;
	}
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
