/** Plain values from a YAML file or out of the schema, reached by path. */

export type Tree = Record<PropertyKey, unknown>;

export function isTree(value: unknown): value is Tree {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the value at `path`; undefined when there is none. */
export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
	return path.reduce<unknown>((node, name) => {
		if (Array.isArray(node)) {
			return node[Number(name)];
		}
		return isTree(node) && Object.hasOwn(node, name) ? node[name] : undefined;
	}, tree);
}

/** Sets what is at `path`, making sections on the way. Does nothing where something else than a section is in the way. */
export function setAt(tree: unknown, path: readonly string[], value: unknown): void {
	const [name, ...rest] = path;
	if (!isTree(tree) || name === undefined) {
		return;
	}
	if (rest.length === 0) {
		tree[name] = value;
		return;
	}
	tree[name] ??= {};
	setAt(tree[name], rest, value);
}
