/** Bytes from hex with any spacing; text in quotes stands for its ASCII: `9c "av01" 00`. */
export function hex(text: string): Uint8Array {
	const parts = text.split(/"([^"]*)"/);
	const bytes = parts.map((part, index) => (index % 2 === 1 ? Buffer.from(part, 'latin1') : fromHex(part)));
	return new Uint8Array(Buffer.concat(bytes));
}

function fromHex(text: string): Buffer {
	const digits = text.replaceAll(/\s/g, '');
	if (!/^([0-9a-f]{2})*$/i.test(digits)) {
		throw new Error(`not hex: ${text}`);
	}
	return Buffer.from(digits, 'hex');
}
