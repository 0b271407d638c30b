import type { Config } from '../config/schema.js';
import type { StreamName } from '../stream-name.js';
import type { DiskGauge } from './disk/disk-gauge.js';
import type { RecorderFigures } from './recorder-figures.js';
import type { KeptTake } from './size-retention.js';

/** Something worth a line in the log. */
export type RecorderEvent = {
	level: 'info' | 'warn' | 'error';
	message: string;
	fields: Readonly<Record<string, string | number>>;
};

export type RecorderParts = {
	ring: SharedArrayBuffer;
	name: StreamName;
	/** The directory of this output of the stream (record/flv/take-directory.ts). */
	directory: string;
	/** As of the recording's start. */
	config: Config;
	figures: RecorderFigures;
	disk: DiskGauge;
	report: (event: RecorderEvent) => void;
	/** A take that `finishTake` will be for has its path. */
	takeBegan: (take: string) => void;
	/** Nothing more is written to it: `finishTake` gets it in a task of its own. */
	takeEnded: () => void;
};

/** Records one stream, step by step. */
export type Recorder = {
	/**
	 * Takes one step; to be called every now and then, not before the last call has resolved. Rejects only for what is not the
	 * disk's fault.
	 * @returns true when the recording is over and finished.
	 */
	advance(): Promise<boolean>;
	/** A bigger ring goes on where the present one stops, at the same positions. */
	replaceRing(ring: SharedArrayBuffer): void;
	/** From now on the stream's end is the server's: it may go on when the server is there again. */
	serverStops?(): void;
	/** The next step finishes with what is in the ring then. */
	stop(): void;
};

/** The facts of a finished take, for the log. */
export type FinishedTake = Readonly<Record<string, string | number | boolean>>;

/** `recording`: somebody records to the directory. `isOpen`: or to this take. */
export type RetentionRule = { maxAgeMs: number; nowMs: number; recording: boolean; isOpen: (take: string) => boolean };

/**
 * One form in which streams are kept on disk; each has a switch in `record` and a line in record/outputs.ts. Outputs know nothing
 * of each other: each runs, fails and is started again alone. Recorders, `recover` and `finishTake` run in remux threads.
 */
export type Output = {
	/** Folder under `media` that holds `{app}/{name}` directories. */
	folder: string;
	makeRecorder(parts: RecorderParts): Recorder;
	/** Finishes what a crash has left in `directory`, which nobody records to. @returns null when nothing was unfinished. */
	recover?(directory: string): Promise<FinishedTake | null>;
	/** `recover` is for streams that have not come back within publish.grace of the start; else it is at the start. */
	waitsForStream?: boolean;
	/** Takes in `directory` that began before `beforeMs` and may not have been finished. */
	endedTakes?(directory: string, beforeMs: number): Promise<string[]>;
	/** Work that must not hold up the stream's next take; one take at a time. @returns null when there was nothing to do. */
	finishTake?(take: string): Promise<FinishedTake | null>;
	/** The takes in `directory` that count towards record.maxSize; `recording`: without the one that is being written. */
	listTakes?(directory: string, recording: boolean): Promise<KeptTake[]>;
	/** Removes one of them. */
	removeTake?(take: string): Promise<void>;
	/** Removes from `directory` what is too old. @returns the names of what was removed. */
	removeOld(directory: string, rule: RetentionRule): Promise<string[]>;
};
