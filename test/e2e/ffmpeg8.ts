import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

/**
 * FFmpeg 8 (node-av) as a program of its own: Debian's FFmpeg 5 knows no Enhanced RTMP.
 *
 *   node ffmpeg8.js publish FILE URL    sends FILE to an RTMP URL at its own pace, frames as they are
 *   node ffmpeg8.js frames INPUT        prints a JSON array, for each track: its codec, how many frames could be decoded, and hash,
 *                                       dts and pts in ms of each packet
 */

/**
 * The part of node-av that this program uses. The package is installed in test/e2e/ffmpeg8, out of the compiler's
 * sight.
 */
type Rational = { num: number; den: number };
type Packet = { streamIndex: number; pts: bigint; dts: bigint; timeBase: Rational; data: Buffer | null; free(): void };
type Stream = { index: number; timeBase: Rational; codecpar: { codecId: number; codecTag: number | string } };
type Demuxer = { streams: Stream[]; packets(): AsyncIterable<Packet | null>; close(): Promise<void> };
type Muxer = {
	addStream(stream: Stream): number;
	writePacket(packet: Packet, stream: number): Promise<void>;
	close(): Promise<void>;
};
type Decoder = { decodeAll(packet: Packet | null): Promise<{ free(): void }[]> };
type NodeAv = {
	Demuxer: { open(input: string): Promise<Demuxer> };
	Muxer: { open(url: string, options: { format: string }): Promise<Muxer> };
	Decoder: { create(stream: Stream): Promise<Decoder> };
	avGetCodecName(codecId: number): string | null;
};

export type TrackReport = { codec: string; decoded: number; packets: { hash: string; at: [number, number] }[] };

async function main([command, input = '', url = '']: string[]): Promise<void> {
	const require = createRequire(new URL('../../../test/e2e/ffmpeg8/package.json', import.meta.url));
	supplyWithResolvers();
	const av = { ...require('node-av/lib'), ...require('node-av/api') } as NodeAv;
	if (command === 'publish') {
		await publish(av, input, url);
	} else {
		console.log(JSON.stringify(await readFrames(av, input)));
	}
}

async function publish(av: NodeAv, input: string, url: string): Promise<void> {
	const file = await av.Demuxer.open(input);
	const server = await av.Muxer.open(url, { format: 'flv' });
	const outputs = file.streams.map((stream) => {
		// MP4's name for the codec is no FLV name: let the muxer choose.
		stream.codecpar.codecTag = 0;
		return server.addStream(stream);
	});
	const startAtMs = performance.now();
	for await (const packet of file.packets()) {
		if (packet === null) {
			continue;
		}
		const waitMs = toMs(packet.dts, file.streams[packet.streamIndex]!.timeBase) - (performance.now() - startAtMs);
		if (waitMs > 0) {
			await new Promise((resolve) => setTimeout(resolve, waitMs));
		}
		await server.writePacket(packet, outputs[packet.streamIndex]!);
		packet.free();
	}
	await server.close();
	await file.close();
}

async function readFrames(av: NodeAv, input: string): Promise<TrackReport[]> {
	const source = await av.Demuxer.open(input);
	const decoders = await Promise.all(source.streams.map((stream) => av.Decoder.create(stream)));
	const reports = source.streams.map(({ codecpar }): TrackReport => {
		return { codec: av.avGetCodecName(codecpar.codecId) ?? 'unknown', decoded: 0, packets: [] };
	});
	const decode = async (index: number, packet: Packet | null): Promise<void> => {
		for (const frame of await decoders[index]!.decodeAll(packet)) {
			reports[index]!.decoded++;
			frame.free();
		}
	};
	for await (const packet of source.packets()) {
		if (packet === null) {
			continue;
		}
		const { timeBase } = source.streams[packet.streamIndex]!;
		const hash = createHash('md5').update(packet.data!).digest('hex');
		reports[packet.streamIndex]!.packets.push({ hash, at: [toMs(packet.dts, timeBase), toMs(packet.pts, timeBase)] });
		await decode(packet.streamIndex, packet);
		packet.free();
	}
	for (const index of reports.keys()) {
		await decode(index, null);
	}
	await source.close();
	return reports;
}

function toMs(ticks: bigint, timeBase: Rational): number {
	return Math.round((Number(ticks) * 1000 * timeBase.num) / timeBase.den);
}

/** node-av calls Promise.withResolvers, which Node 20 does not have. */
function supplyWithResolvers(): void {
	const withResolvers = (): object => {
		const settle: { resolve?: unknown; reject?: unknown } = {};
		const promise = new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }));
		return { promise, ...settle };
	};
	if (!('withResolvers' in Promise)) {
		Object.assign(Promise, { withResolvers });
	}
}

await main(process.argv.slice(2));
