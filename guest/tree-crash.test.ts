/**
 * Is a persistent red-black tree over two objects whole after a power failure at any instant? While transactions insert and remove, the
 * machine stops at random instants; a legal image is drawn; a second machine boots on it, undoes what was open, and checks every rule of
 * the tree.
 */
import { expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE, MiB } from '../emulator/addresses.ts';
import { dpa } from '../emulator/nvdimm/dpa.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { Random } from '../emulator/random.ts';
import { appendText } from '../tools/guest/archive.ts';
import { Layouts } from '../tools/guest/layouts.ts';
import { Console } from './testing/shell.ts';
import { guestFile, System } from './testing/system.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);
const SIZE = 16 * MiB;
const layouts = Layouts.load();
const archive = guestFile('archive.img');

function start(commands: string, media: MemoryMedia, recording: boolean): System {
  const bytes = appendText(archive.bytes, '.commands', commands, layouts);
  return new System({ media, recording, quiet: true, archive: { name: archive.name, bytes } });
}

test('after any power failure the tree is whole', () => {
  const random = new Random(11);
  const system = start('tree t put 1 1; echo ready; tree t churn 100000 3', new MemoryMedia(SIZE), true);
  while (!system.output.includes('ready')) system.run(20_000);
  const nvdimm = system.computer.nvdimm!;
  const { region } = nvdimm;
  const memory = system.computer.machine.memory.u8;
  let undone = 0;
  for (let round = 0; round < 12 * SCALE; round++) {
    system.run(1 + random.below(60_000));
    const image = memory.slice(region.host, region.host + region.size);
    for (const [block, bytes] of nvdimm.engine.sampleImage(random, 'power')) {
      image.set(bytes, (block as number) * CACHE_BLOCK_SIZE);
    }
    const media = new MemoryMedia(SIZE);
    media.write(dpa(0), image);
    const after = new Console(media);
    expect(after.type('tree t check\r')).toMatch(/\d+ keys, whole\n/);
    if (after.system.output.includes('undone')) undone++;
  }
  expect(undone).toBeGreaterThan(0);
}, 240_000);
