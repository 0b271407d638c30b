// Spec: SMPTE ST 2086 (mastering display), CTA-861.3 (content light level); ISO/IEC 14496-12 12.1.6, 12.1.7 (mdcv, clli);
// Enhanced RTMP v2, "Metadata Frame" (colorInfo)
import { type AmfValue, amfNumber, amfProperty } from './amf-value.js';
import type { Colour } from './colour.js';

/** CIE 1931 chromaticity, 0 to 1. */
export type Chromaticity = { x: number; y: number };

/** The grading of a picture. Luminances are in candela per square metre. */
export type HdrMetadata = {
	masteringDisplay: {
		red: Chromaticity;
		green: Chromaticity;
		blue: Chromaticity;
		whitePoint: Chromaticity;
		maxLuminance: number;
		minLuminance: number;
	} | null;
	contentLight: { maxContentLevel: number; maxFrameAverageLevel: number } | null;
};

/** Reads a `colorInfo` object of Enhanced RTMP. A result is null when the object does not state it. */
export function readColorInfo(colorInfo: AmfValue): { colour: Colour | null; hdr: HdrMetadata | null } {
	const light = amfProperty(colorInfo, 'hdrCll');
	const maxContentLevel = amfNumber(amfProperty(light, 'maxCLL'));
	const maxFrameAverageLevel = amfNumber(amfProperty(light, 'maxFall'));
	const contentLight =
		maxContentLevel === undefined || maxFrameAverageLevel === undefined
			? null
			: { maxContentLevel, maxFrameAverageLevel };
	const masteringDisplay = readMasteringDisplay(amfProperty(colorInfo, 'hdrMdcv'));
	return {
		colour: readColour(amfProperty(colorInfo, 'colorConfig')),
		hdr: contentLight === null && masteringDisplay === null ? null : { masteringDisplay, contentLight },
	};
}

function readColour(config: AmfValue): Colour | null {
	const primaries = amfNumber(amfProperty(config, 'colorPrimaries'));
	const transfer = amfNumber(amfProperty(config, 'transferCharacteristics'));
	const matrix = amfNumber(amfProperty(config, 'matrixCoefficients'));
	return isByte(primaries) && isByte(transfer) && isByte(matrix)
		? { primaries, transfer, matrix, fullRange: false }
		: null;
}

function isByte(value: number | undefined): value is number {
	return value !== undefined && Number.isInteger(value) && value >= 0 && value <= 255;
}

function readMasteringDisplay(display: AmfValue): HdrMetadata['masteringDisplay'] {
	const number = (name: string): number => amfNumber(amfProperty(display, name)) ?? Number.NaN;
	const found = {
		red: { x: number('redX'), y: number('redY') },
		green: { x: number('greenX'), y: number('greenY') },
		blue: { x: number('blueX'), y: number('blueY') },
		whitePoint: { x: number('whitePointX'), y: number('whitePointY') },
		maxLuminance: number('maxLuminance'),
		minLuminance: number('minLuminance'),
	};
	const points = [found.red, found.green, found.blue, found.whitePoint];
	const complete = points.every(({ x, y }) => x >= 0 && x <= 1 && y >= 0 && y <= 1);
	return complete && found.maxLuminance >= 0 && found.minLuminance >= 0 ? found : null;
}
