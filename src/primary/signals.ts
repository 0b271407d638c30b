import { constants } from 'node:os';

/** A terminal and npm both deliver one Ctrl-C: a signal that follows the first one this closely is the same one. */
const SAME_SIGNAL_MS = 500;

export type SignalActions = {
	reload: () => void;
	/** Ends everything politely. */
	stop: () => Promise<void>;
	/** Ends everything at once. */
	kill: () => void;
	/** Before the process exits: the log goes out. */
	flush: () => Promise<void>;
};

/** SIGHUP reloads; SIGTERM and SIGINT stop and exit 0; a second one kills and exits as the signal would have. */
export function handleSignals({ reload, stop, kill, flush }: SignalActions): void {
	let stoppingSince: number | null = null;
	const exit = async (code: number): Promise<void> => {
		await flush();
		process.exit(code);
	};
	const onStop = (signal: 'SIGTERM' | 'SIGINT'): void => {
		if (stoppingSince === null) {
			stoppingSince = performance.now();
			void stop().then(() => exit(0));
		} else if (performance.now() - stoppingSince > SAME_SIGNAL_MS) {
			kill();
			void exit(128 + constants.signals[signal]);
		}
	};
	process.on('SIGTERM', () => onStop('SIGTERM'));
	process.on('SIGINT', () => onStop('SIGINT'));
	process.on('SIGHUP', () => {
		if (stoppingSince === null) {
			reload();
		}
	});
}
