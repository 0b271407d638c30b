/** The element with this id, which the page is known to have. */
export function byId<T extends Element>(id: string, type: new () => T): T {
	const element = document.getElementById(id);
	if (!(element instanceof type)) {
		throw new Error(`the page has no ${type.name} #${id}`);
	}
	return element;
}

export function setText(id: string, text: string): void {
	byId(id, HTMLElement).textContent = text;
}

/** A line of `list` with a label, a text and a button that copies the text. */
export function addCopyLine(list: HTMLElement, label: string, text: string): void {
	const item = document.createElement('li');
	const caption = document.createElement('span');
	caption.textContent = label;
	const code = document.createElement('code');
	code.textContent = text;
	const button = document.createElement('button');
	button.type = 'button';
	button.textContent = 'Copy';
	button.addEventListener('click', async () => {
		button.textContent = (await copy(text, code)) ? 'Copied' : 'Selected';
		window.setTimeout(() => {
			button.textContent = 'Copy';
		}, 1500);
	});
	item.append(caption, code, button);
	list.append(item);
}

/** Pages that did not come by HTTPS may not write to the clipboard: then the text is selected, to be copied by hand. */
async function copy(text: string, shown: HTMLElement): Promise<boolean> {
	if (navigator.clipboard !== undefined) {
		await navigator.clipboard.writeText(text);
		return true;
	}
	window.getSelection()?.selectAllChildren(shown);
	return false;
}

export function formatBitrate(bitsPerSecond: number): string {
	return bitsPerSecond >= 1e6
		? `${(bitsPerSecond / 1e6).toFixed(2)} Mbit/s`
		: `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}

export function formatBytes(bytes: number): string {
	return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1e3)} kB`;
}

const RECENT_KEY = 'millrace.recent';
const MAX_RECENT = 8;

/** Streams that were watched in this browser, newest first. */
export function recentStreams(): string[] {
	return (localStorage.getItem(RECENT_KEY) ?? '').split(' ').filter((stream) => stream !== '');
}

export function rememberStream(stream: string): void {
	const others = recentStreams().filter((other) => other !== stream);
	localStorage.setItem(RECENT_KEY, [stream, ...others].slice(0, MAX_RECENT).join(' '));
}
