/**
 * Does the object store survive a power failure at any instant? While the shell makes, copies, fills and deletes objects the machine stops at
 * random instants, legal images of a power failure are drawn, and each must be a whole store: nothing lost, nothing
 * leaked (tools/image/check.ts), as recovery will find it. Some of them boot again.
 */
import { expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE, MiB } from '../emulator/addresses.ts';
import { type BlockNumber, blockNumber } from '../emulator/nvdimm/dpa.ts';
import { type Media, MemoryMedia } from '../emulator/nvdimm/media.ts';
import { Random } from '../emulator/random.ts';
import { appendText } from '../tools/guest/archive.ts';
import { Layouts } from '../tools/guest/layouts.ts';
import { checkStore } from '../tools/image/check.ts';
import { ObjectStore } from '../tools/image/store.ts';
import { guestFile, System } from './testing/system.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);
const WORKLOAD = [
  'mkdir a; mkdir a/b; echo one > a/one; echo two > a/b/two; cp a/one a/copy; echo three >> a/copy',
  'mv a/one a/uno; rm a/b/two; rm a/b; ln a/copy link; rm link a/uno; cp a a2; echo x > a/x; echo y > a/x',
  'rm a/x; ls a; echo done',
].join('; ');
const SIZE = 16 * MiB;

/** The visible NVDIMM with other contents for some blocks. */
function image(
  visible: Uint8Array,
  blocks: ReadonlyMap<BlockNumber, Uint8Array>,
): Pick<Media, 'size' | 'read'> {
  return {
    size: visible.length,
    read(address: number, into: Uint8Array): void {
      into.set(visible.subarray(address, address + into.length));
      const first = Math.floor(address / CACHE_BLOCK_SIZE);
      const last = Math.floor((address + into.length - 1) / CACHE_BLOCK_SIZE);
      for (let block = first; block <= last; block++) {
        const bytes = blocks.get(blockNumber(block));
        if (bytes) into.set(bytes, block * CACHE_BLOCK_SIZE - address);
      }
    },
  };
}

test('every image that a power failure may leave is a whole store', () => {
  const layouts = Layouts.load();
  const random = new Random(7);
  const archive = guestFile('archive.img');
  const system = new System({
    media: new MemoryMedia(SIZE),
    recording: true,
    quiet: true,
    archive: { name: archive.name, bytes: appendText(archive.bytes, '.commands', WORKLOAD, layouts) },
  });
  const nvdimm = system.computer.nvdimm!;
  const { region } = nvdimm;
  const visible = system.computer.machine.memory.u8.subarray(region.host, region.host + region.size);
  let images = 0;
  let formatted = false;
  for (;;) {
    const reason = system.run(1 + random.below(Math.floor(8000 / SCALE)));
    // Before the store is made there is nothing to check.
    formatted ||=
      system.output !== '' || new DataView(visible.buffer, visible.byteOffset).getBigUint64(128, true) !== 0n;
    for (let i = 0; formatted && i < 3; i++) {
      const blocks = nvdimm.engine.sampleImage(random, 'power');
      const store = new ObjectStore(image(visible, blocks), layouts);
      expect(checkStore(store)).toEqual([]);
      images++;
    }
    if (reason.kind === 'exit') break;
  }
  expect(system.output).toContain('done');
  expect(images).toBeGreaterThan(100);
});
