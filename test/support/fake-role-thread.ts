import { createServer } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** Greets every connection with `listener pid level` and holds it. Posts `listening`; a message is the new level. */
const { listener, fd, level } = workerData as { listener: string; fd: number; level: string };
let currentLevel = level;
parentPort?.on('message', (changed: string) => {
	currentLevel = changed;
});
const server = createServer((socket) => {
	socket.on('error', () => socket.destroy());
	socket.write(`${listener} ${process.pid} ${currentLevel}\n`);
});
server.listen({ fd }, () => parentPort?.postMessage('listening'));
