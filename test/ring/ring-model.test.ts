import { it } from 'node:test';
import fc from 'fast-check';
import { RecordKind } from '#src/ring/layout.js';
import { RingReader } from '#src/ring/ring-reader.js';
import { RingWriter } from '#src/ring/ring-writer.js';
import { RingModel } from '../support/ring-model.js';

const KINDS = Object.values(RecordKind);

const write = fc.record({
	do: fc.constant('write' as const),
	kind: fc.constantFrom(...KINDS),
	flags: fc.nat({ max: 255 }),
	trackId: fc.nat({ max: 0xffff }),
	dtsMs: fc.oneof(fc.nat({ max: 2 ** 33 }), fc.double({ min: 0, max: 1e12, noNaN: true })),
	/** Share of the largest body that the ring takes. */
	share: fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 0.3, noNaN: true })),
});
const read = fc.record({
	do: fc.constant('read' as const),
	/** Records back from the newest. */
	back: fc.nat({ max: 60 }),
	maxBytes: fc.oneof(fc.constant(0), fc.nat({ max: 3000 }), fc.constant(1e9)),
});
const grow = fc.record({ do: fc.constant('grow' as const) });

it('a ring holds what a list would hold, wherever it starts, however it is written, read and grown', () => {
	const starts = fc.oneof(
		fc.constantFrom(0, 2 ** 31 - 50, -(2 ** 31) + 20, -50, -1),
		fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
	);
	const steps = fc.array(
		fc.oneof({ weight: 6, arbitrary: write }, { weight: 4, arbitrary: read }, { weight: 1, arbitrary: grow }),
		{ maxLength: 120, size: 'max' },
	);
	fc.assert(
		fc.property(starts, steps, (start, script) => {
			let capacityBytes = 1024;
			let writer = RingWriter.attach(RingWriter.allocate(capacityBytes, start), 0);
			let reader = new RingReader(writer.ring);
			const model = new RingModel(start, capacityBytes);
			for (const step of script) {
				if (step.do === 'write') {
					const length = Math.floor(writer.maxBodyBytes * step.share);
					model.write(writer, step.kind, step.flags, step.trackId, step.dtsMs, length);
				} else if (step.do === 'read' && model.records.length > 0) {
					model.checkRead(reader, Math.max(model.records.length - 1 - step.back, 0), step.maxBytes);
				} else if (step.do === 'grow' && capacityBytes < 16_384) {
					capacityBytes *= 2;
					writer = writer.grow(capacityBytes);
					reader = new RingReader(writer.ring);
					model.grown(capacityBytes);
				}
			}
		}),
		{ numRuns: 1500, interruptAfterTimeLimit: 2500 },
	);
});
