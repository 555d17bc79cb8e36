/**
 * Does a power failure at any instant of random operations on four harts leave every completed operation whole, and nothing else? At
 * each instant a legal image is drawn, a machine boots on it, and the store that its kernel leaves is compared with the
 * model. LICORICE_SCALE multiplies the number of instants.
 */
import { expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { Random } from '../emulator/random.ts';
import { compareStore, failedImage, RecoveryMachine } from './testing/power-failure.ts';
import { StressRun } from './testing/stress-run.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);
const SIZE = 8 * MiB;
const WORKERS = 6;

test(
  'power failures leave what was complete, and nothing else',
  () => {
    const random = new Random(5);
    const machine = new RecoveryMachine(SIZE);
    const start = (seed: number): StressRun =>
      new StressRun({
        seed,
        operations: 1e9,
        workers: WORKERS,
        media: new MemoryMedia(SIZE),
        recording: true,
      });
    let run = start(1);
    for (let instant = 0; instant < 120 * SCALE; instant++) {
      // A new history now and then: the beginning of one, with the store being made, is the rarest part.
      if (instant % 100 === 99) run = start(instant);
      run.run(1 + random.below(instant % 100 < 3 ? 1_000_000 : 200_000));
      const store = machine.recover(failedImage(run.system, random));
      expect(compareStore(run, WORKERS, store)).toEqual([]);
    }
    expect(run.done).toBeGreaterThan(0);
  },
  120_000 * SCALE,
);
