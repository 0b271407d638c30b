// Spec: rfc8216bis-22 4.4.6 (tags of multivariant playlists)

/** One EXT-X-STREAM-INF. */
export type Variant = {
	uri: string;
	/** Peak and average bits per second. */
	bandwidth: number;
	averageBandwidth: number | null;
	codecs: readonly string[];
	width: number | null;
	height: number | null;
	frameRate: number | null;
	videoRange: 'SDR' | 'HLG' | 'PQ' | null;
	/** GROUP-ID of its audio renditions. */
	audioGroup: string | null;
};

/** One EXT-X-MEDIA of type AUDIO. */
export type AudioRendition = {
	groupId: string;
	name: string;
	uri: string;
	channels: number;
	isDefault: boolean;
};

export type MultivariantPlaylist = {
	version: number;
	independentSegments: boolean;
	audio: readonly AudioRendition[];
	variants: readonly Variant[];
};

/** The playlist's text, with a line feed behind every line. */
export function serializeMultivariantPlaylist(playlist: MultivariantPlaylist): string {
	const lines = ['#EXTM3U', `#EXT-X-VERSION:${playlist.version}`];
	if (playlist.independentSegments) {
		lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
	}
	for (const { groupId, name, uri, channels, isDefault } of playlist.audio) {
		const choice = isDefault ? 'DEFAULT=YES,AUTOSELECT=YES' : 'DEFAULT=NO,AUTOSELECT=YES';
		lines.push(
			`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="${groupId}",NAME="${name}",${choice},CHANNELS="${channels}",URI="${uri}"`,
		);
	}
	for (const variant of playlist.variants) {
		lines.push(`#EXT-X-STREAM-INF:${variantAttributes(variant)}`, variant.uri);
	}
	return `${lines.join('\n')}\n`;
}

function variantAttributes(variant: Variant): string {
	const attributes = [`BANDWIDTH=${Math.ceil(variant.bandwidth)}`];
	if (variant.averageBandwidth !== null) {
		attributes.push(`AVERAGE-BANDWIDTH=${Math.ceil(variant.averageBandwidth)}`);
	}
	if (variant.codecs.length > 0) {
		attributes.push(`CODECS="${variant.codecs.join(',')}"`);
	}
	if (variant.width !== null && variant.height !== null) {
		attributes.push(`RESOLUTION=${variant.width}x${variant.height}`);
	}
	if (variant.frameRate !== null) {
		attributes.push(`FRAME-RATE=${variant.frameRate.toFixed(3)}`);
	}
	if (variant.videoRange !== null) {
		attributes.push(`VIDEO-RANGE=${variant.videoRange}`);
	}
	if (variant.audioGroup !== null) {
		attributes.push(`AUDIO="${variant.audioGroup}"`);
	}
	return attributes.join(',');
}
