import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AudioTimeline } from '#src/web/assets/web/audio-timeline.js';
import { Backoff } from '#src/web/assets/web/backoff.js';
import { SourceClock } from '#src/web/assets/web/source-clock.js';

describe('Backoff of the pages', () => {
	it('doubles up to its limit, keeps jitter within half a step, and starts over', () => {
		const longest = new Backoff(1000, 15_000, () => 1);
		assert.deepEqual(
			Array.from({ length: 6 }, () => longest.next()),
			[1000, 2000, 4000, 8000, 15_000, 15_000],
		);
		longest.reset();
		assert.equal(longest.next(), 1000);
		assert.equal(new Backoff(1000, 15_000, () => 0).next(), 500);
	});
});

/** A page that stops for most of a second now and then. Media captured meanwhile arrives at the end of the stop. */
const STALLS = [
	{ from: 0, to: 700 },
	{ from: 2000, to: 2800 },
	{ from: 5000, to: 5600 },
	{ from: 9000, to: 9900 },
];

function arrivalOf(capturedAtMs: number): number {
	const stall = STALLS.find(({ from, to }) => capturedAtMs >= from && capturedAtMs < to);
	return (stall?.to ?? capturedAtMs) + 1;
}

/** The largest difference between the time given out and the true one. */
function worstOf(times: readonly { trueMs: number; timeMs: number }[]): number {
	assert.ok(times.length > 100);
	return Math.max(...times.map(({ trueMs, timeMs }) => Math.abs(timeMs - trueMs)));
}

describe('SourceClock', () => {
	it('gives pictures their true times although a busy page hears of them late', () => {
		const clock = new SourceClock();
		const times = Array.from({ length: 600 }, (_, index) => (index * 1000) / 30).flatMap((trueMs) => {
			const timeMs = clock.timeOf((trueMs + 77_000) * 1000, arrivalOf(trueMs));
			return timeMs === null ? [] : [{ trueMs, timeMs }];
		});
		assert.ok(worstOf(times) < 5, String(worstOf(times)));
	});

	it('follows a source whose clock runs fast or slow, and never steps visibly', () => {
		for (const rate of [1.002, 0.998]) {
			const clock = new SourceClock();
			let last = Number.NaN;
			for (let trueMs = 0; trueMs < 600_000; trueMs += 40) {
				const timeMs = clock.timeOf(trueMs * rate * 1000, trueMs);
				if (timeMs !== null) {
					assert.ok(Math.abs(timeMs - trueMs) < 15, `${rate}: ${timeMs - trueMs} at ${trueMs}`);
					assert.ok(Number.isNaN(last) || Math.abs(timeMs - last - 40) < 1, `${rate}: ${timeMs - last}`);
					last = timeMs;
				}
			}
		}
	});

	it('starts anew when the source jumps for good, and never goes back', () => {
		const clock = new SourceClock();
		let last = Number.NEGATIVE_INFINITY;
		for (let trueMs = 0; trueMs < 20_000; trueMs += 40) {
			const ownMs = trueMs < 8000 ? trueMs + 50_000 : trueMs;
			const timeMs = clock.timeOf(ownMs * 1000, trueMs) ?? last;
			assert.ok(timeMs >= last);
			last = timeMs;
		}
		assert.ok(Math.abs(last - 19_960) < 5, String(last));
	});
});

describe('AudioTimeline', () => {
	const SAMPLE_RATE = 48_000;
	const PIECE = 480;
	const FRAME = 960;

	/** Publishes 20 s of sound in pieces of 10 ms. A busy page loses all but the last 100 ms of each stop. */
	function run(lost: (trueMs: number) => boolean) {
		const timeline = new AudioTimeline();
		/** True time of every sample that the encoder gets, silence included, by piece. */
		const fed: { firstSample: number; trueMs: number }[] = [];
		let samples = 0;
		for (let trueMs = 0; trueMs < 20_000; trueMs += 10) {
			if (lost(trueMs)) {
				continue;
			}
			const silence = timeline.place(
				{ timestamp: (trueMs + 5000) * 1000, numberOfFrames: PIECE, sampleRate: SAMPLE_RATE },
				arrivalOf(trueMs),
			);
			if (silence !== null) {
				fed.push({ firstSample: samples + silence, trueMs });
				samples += silence + PIECE;
			}
		}
		const frames = Array.from({ length: Math.floor(samples / FRAME) }, (_, index) => ({
			firstSample: index * FRAME,
			timeMs: timeline.next((FRAME / SAMPLE_RATE) * 1e6),
		}));
		const times = fed.flatMap(({ firstSample, trueMs }) => {
			const frame = frames[Math.floor(firstSample / FRAME)];
			return frame === undefined
				? []
				: [{ trueMs, timeMs: frame.timeMs + ((firstSample - frame.firstSample) / SAMPLE_RATE) * 1000 }];
		});
		return { times, frames };
	}

	it('gives sound its true time, and frames that follow each other without a gap', () => {
		const { times, frames } = run(() => false);
		assert.ok(worstOf(times) < 15, String(worstOf(times)));
		for (const [index, { timeMs }] of frames.entries()) {
			assert.ok(index === 0 || Math.abs(timeMs - frames[index - 1]!.timeMs - 20) < 0.001);
		}
	});

	it('puts silence where a busy page lost sound', () => {
		const { times } = run((trueMs) => STALLS.some(({ from, to }) => trueMs >= from && trueMs < to - 100));
		assert.ok(worstOf(times) < 40, String(worstOf(times)));
	});
});
