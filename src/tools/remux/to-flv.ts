import { BufferPool } from '../../bytes/buffer-pool.js';
import { FramesToFlv } from '../../remux/frames-to-flv.js';
import type { Input } from './input.js';
import { OutputFile } from './output-file.js';

export async function toFlv({ read }: Input, output: string): Promise<void> {
	const pool = new BufferPool();
	await OutputFile.write(output, (file) => read(new FramesToFlv(pool, (bytes) => file.append(bytes, pool))));
}
