import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { startChild } from './children.js';

/** `input` goes to its standard input, `env` is added to the environment, `cwd` is the directory that it runs in. */
export type ProgramOptions = { input?: NodeJS.ReadableStream; env?: Readonly<Record<string, string>>; cwd?: string };

/** Another program that a test runs; it does not outlive the test. */
export class Program {
	/** The text that it has printed so far. */
	stdout = '';
	stderr = '';
	readonly #name: string;
	readonly #child: ChildProcess;
	/** It has ended and all that it printed is here: 'exit' may come before the last of that. */
	readonly #closed: Promise<unknown>;

	constructor(t: TestContext, program: string, args: readonly string[], { input, env, cwd }: ProgramOptions = {}) {
		this.#name = `${program} ${args.join(' ')}`;
		this.#child = startChild(program, args, {
			stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
			env: { ...process.env, ...env },
			...(cwd === undefined ? {} : { cwd }),
		});
		this.#closed = once(this.#child, 'close');
		this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
			this.stdout += text;
		});
		this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
			this.stderr += text;
		});
		if (input !== undefined) {
			input.pipe(this.#child.stdin!);
		}
		t.after(() => this.kill());
	}

	get pid(): number {
		return this.#child.pid!;
	}

	/** Resolves with the exit code once everything printed is here; null when a signal ended it. */
	async exit(): Promise<number | null> {
		await this.#closed;
		return this.#child.exitCode;
	}

	/** Resolves with its standard output when it has ended well, and throws with all it said when not. */
	async succeed(): Promise<string> {
		const code = await this.exit();
		if (code !== 0) {
			throw new Error(`${this.#name} ended with ${code ?? this.#child.signalCode}:\n${this.stderr}${this.stdout}`);
		}
		return this.stdout;
	}

	kill(signal: NodeJS.Signals = 'SIGKILL'): void {
		this.#child.kill(signal);
	}
}
