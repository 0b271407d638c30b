import type { AppPolicy, RecordPolicy } from '../config/schema.js';
import { flvOutput } from './flv/output.js';
import { fmp4Output } from './fmp4/output.js';
import { hlsOutput } from './hls/output.js';
import type { Output } from './output.js';

/** The switches of `record`. */
export type OutputName = keyof RecordPolicy;

/** The forms in which streams are recorded. */
export const OUTPUTS: Readonly<Record<OutputName, Output>> = {
	flv: flvOutput,
	fmp4: fmp4Output,
	hls: hlsOutput,
};

export const OUTPUT_NAMES = Object.keys(OUTPUTS) as OutputName[];

/** Returns the outputs of a stream. The window that viewers go back in is fMP4, with or without a recording. */
export function outputsOf({ record, dvr }: Pick<AppPolicy, 'record' | 'dvr'>): OutputName[] {
	return OUTPUT_NAMES.filter((output) => record[output] || (output === 'fmp4' && dvr.window > 0));
}
