/**
 * Do objects, views, contexts and threads keep every invariant of a model while several threads on four harts use them at random, and
 * is everything given back at the end? LICORICE_SCALE multiplies the number of operations.
 */
import { expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { checkStore } from '../tools/image/check.ts';
import { ObjectStore } from '../tools/image/store.ts';
import { OP_GATE, OP_GRANT } from './stress/record.ts';
import { layouts, StressRun } from './testing/stress-run.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);

test(
  'random operations on four harts agree with the model, and leak nothing',
  () => {
    const operations = 20_000 * SCALE;
    const media = new MemoryMedia(16 * MiB);
    const run = new StressRun({ seed: 1, operations, workers: 6, media, security: true });
    while (run.run(2_000_000).kind !== 'exit');
    const counts = [...run.system.output.matchAll(/^counts (.*)\r?$/gm)].map(([, numbers]) => numbers);
    expect(counts).toHaveLength(2);
    expect(counts[1]).toBe(counts[0]);
    expect(run.done).toBeGreaterThanOrEqual(operations);
    expect(run.model.objects.size).toBe(0);
    // Capabilities, delegations and gates were among them.
    expect(run.model.counts[OP_GRANT]).toBeGreaterThan(operations / 1000);
    expect(run.model.counts[OP_GATE]).toBeGreaterThan(operations / 1000);
    const store = new ObjectStore(media, layouts);
    expect(checkStore(store)).toEqual([]);
    expect(store.field('objects')).toBe(0);
  },
  300_000 * SCALE,
);
