/**
 * Does what is stored cost anything that is not used? With 100,000 objects in the store a boot takes as long as with none, and
 * objects are made, found and deleted as fast. The store is filled by a guest program.
 */
import { expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { Translator } from '../emulator/cpu/translator/translator.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { ObjectStore } from '../tools/image/store.ts';
import { layouts, stressArchive } from './testing/stress-run.ts';
import { System } from './testing/system.ts';

const OBJECTS = 100_000;

/** Instructions from reset to the first one in user mode, to 1000. */
function bootCost(media: MemoryMedia): number {
  const system = new System({ media });
  const { machine } = system.computer;
  while (machine.cores[0]!.hart.privilege !== 0) {
    expect(system.run(1000)).toMatchObject({ kind: 'budget' });
    expect(machine.instructions).toBeLessThan(3_000_000);
  }
  return machine.instructions;
}

test('100,000 objects: the first user instruction within 3 million, operations as fast as without', () => {
  const empty = new MemoryMedia(128 * MiB);
  bootCost(empty); // makes the store
  const media = new MemoryMedia(128 * MiB);
  const filler = new System({
    media,
    engine: (memory) => new Translator(memory),
    archive: stressArchive('fill', OBJECTS),
  });
  expect(filler.run(5e9)).toMatchObject({ kind: 'exit', code: 0 });
  expect(new ObjectStore(media, layouts).field('objects')).toBe(OBJECTS + 1); // and one immutable
  const before = bootCost(empty);
  const after = bootCost(media);
  // Chains of the directory are six records long then, and IDs fall into tables by chance.
  expect(after).toBeLessThan(before + 50_000);

  const costs = (what: string): number[] =>
    [...filler.output.matchAll(new RegExp(`^${what} (\\d+)`, 'gm'))].map(([, n]) => Number(n));
  for (const what of ['create', 'stat', 'delete']) {
    const [first, last] = costs(what);
    expect(last!, `${what} ${first} ${last}`).toBeLessThan(first! * 1.25 + 300);
  }
}, 900_000);
