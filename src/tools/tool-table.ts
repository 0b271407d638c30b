import type { Tool } from './tool.js';

/** `millrace NAME`: each tool is loaded only when it is asked for. */
export const TOOLS: Readonly<Record<string, () => Promise<Tool>>> = {
	push: async () => (await import('./push.js')).push,
	pull: async () => (await import('./pull.js')).pull,
	forward: async () => (await import('./forward.js')).forward,
	remux: async () => (await import('./remux.js')).remux,
	load: async () => (await import('./load.js')).load,
	doctor: async () => (await import('./doctor.js')).doctor,
};
