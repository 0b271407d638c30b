import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { InternalSocket } from '#src/primary/internal-socket.js';

/** Temporary files of this process go below `directory` until the end of the test. */
function useTmpdir(t: TestContext, directory: string): void {
	const before = process.env['TMPDIR'];
	process.env['TMPDIR'] = directory;
	t.after(() => {
		if (before === undefined) {
			delete process.env['TMPDIR'];
		} else {
			process.env['TMPDIR'] = before;
		}
	});
}

describe('the socket between the processes of an origin', () => {
	it('is in a directory that nobody else may enter, and is gone when it is closed', () => {
		const socket = new InternalSocket();
		const directory = path.dirname(socket.path);
		assert.ok(statSync(socket.path).isSocket());
		assert.equal(statSync(directory).mode & 0o777, 0o700);
		socket.close();
		assert.equal(existsSync(directory), false);
	});

	it('is another one each time: what a killed server has left is not in the way', () => {
		const [first, second] = [new InternalSocket(), new InternalSocket()];
		assert.notEqual(first.path, second.path);
		first.close();
		second.close();
	});

	it('says what is wrong with its place', (t) => {
		const long = mkdtempSync(path.join(tmpdir(), 'x'.repeat(120)));
		t.after(() => rmSync(long, { recursive: true }));
		for (const [directory, error] of [
			['/nonexistent', 'ENOENT'],
			[long, 'ENAMETOOLONG'],
		] as const) {
			useTmpdir(t, directory);
			assert.throws(
				() => new InternalSocket(),
				({ problems }: { problems: string[] }) =>
					problems.length === 1 &&
					problems[0]!.startsWith(`delivery.processes: no Unix socket at ${directory}`) &&
					problems[0]!.includes(`(${error})`),
			);
		}
	});
});
