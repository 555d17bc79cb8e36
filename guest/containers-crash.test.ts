/**
 * Do containers over three objects survive a power failure at any instant? While random operations run, the machine stops at random instants; a
 * legal image is drawn; a second machine boots on it and shows what the container holds. It must be exactly what it held after the operations
 * that the object says are done, and those must be all that had been reported before the failure. Operations by themselves may be
 * one ahead of their count, groups may not.
 */
import { describe, expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE, MiB } from '../emulator/addresses.ts';
import { dpa } from '../emulator/nvdimm/dpa.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { Random } from '../emulator/random.ts';
import { KINDS, type Kind, Model, readContents } from './testing/containers.ts';
import { System } from './testing/system.ts';
import { Workload } from './testing/workload.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);
const SIZE = 8 * MiB;
const FAILURES = 12 * SCALE;
const workload = new Workload('containers');

/** What the container must hold after each number of operations, asked for in any order. */
class Expected {
  private readonly known: string[] = [];
  private readonly model: Model;

  constructor(kind: Kind, seed: number) {
    this.model = new Model(kind, seed);
    this.known.push(this.model.contents());
  }

  after(count: number): string {
    while (this.known.length <= count) {
      this.model.operate(this.known.length - 1);
      this.known.push(this.model.contents());
    }
    return this.known[count]!;
  }
}

describe.each(['plain', 'group'])('operations by themselves or in groups: %s', (mode) => {
  test.each(KINDS)(
    '%s',
    (kind: Kind) => {
      const seed = 3;
      const random = new Random(17);
      const expected = new Expected(kind, seed);
      const run = new System({
        media: new MemoryMedia(SIZE),
        recording: true,
        quiet: true,
        archive: workload.archive(`${kind} ${mode} ${seed} 100000`),
      });
      while (!run.output.includes('20 ')) run.run(5_000);
      const { region, engine } = run.computer.nvdimm!;
      const memory = run.computer.machine.memory.u8;
      for (let failure = 0; failure < FAILURES; failure++) {
        run.run(1 + random.below(40_000));
        const reported = run.output.lastIndexOf('\n', run.output.length - 2);
        const acknowledged = Number(/\d+/.exec(run.output.slice(reported))?.[0] ?? 0);
        const image = memory.slice(region.host, region.host + region.size);
        for (const [block, bytes] of engine.sampleImage(random, 'power')) {
          image.set(bytes, (block as number) * CACHE_BLOCK_SIZE);
        }
        const media = new MemoryMedia(SIZE);
        media.write(dpa(0), image);
        const after = new System({
          media,
          quiet: true,
          archive: workload.archive(`${kind} ${mode} ${seed} 0`),
        });
        expect(after.run(50_000_000), after.output).toMatchObject({ kind: 'exit', code: 0 });
        const found = readContents(kind, after.output.replaceAll('\r', ''));
        if (found === undefined) throw new Error(`failure ${failure}: broken\n${after.output}`);
        const { progress, contents } = found;
        // A group reports its operations before it commits; at most the last five are not done.
        expect(progress).toBeGreaterThanOrEqual(acknowledged - (mode === 'group' ? 4 : 0));
        const legal = mode === 'group' ? [progress] : [progress, progress + 1];
        expect(legal.map((count) => expected.after(count))).toContain(contents);
      }
    },
    240_000,
  );
});
