import type { RecordPolicy } from '../config/schema.js';
import { hlsOutput } from '../hls/hls-output.js';
import { flvOutput } from '../record/flv-output.js';
import { fmp4Output } from '../record/fmp4-output.js';
import type { Output } from '../record/output.js';

/** The switches of `record`. */
export type OutputName = keyof RecordPolicy;

/** What streams are recorded as. */
export const OUTPUTS: Readonly<Record<OutputName, Output>> = {
	flv: flvOutput,
	fmp4: fmp4Output,
	hls: hlsOutput,
};

export const OUTPUT_NAMES = Object.keys(OUTPUTS) as OutputName[];
