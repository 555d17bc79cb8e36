/** Are images placed where QEMU's virt machine places them, and refused in one line when they cannot be? */
import { expect, test } from 'vitest';
import { MiB } from '../addresses.ts';
import { FakeHost } from '../devices/fake-host.ts';
import { parseTree } from '../devices/fdt.ts';
import { DYNAMIC_INFO_ADDRESS } from '../devices/rom.ts';
import { makeVirtDevices } from '../devices/virt.ts';
import { EHDR, ET } from '../elf/constants.ts';
import { tinyElf } from '../elf/tiny.ts';
import { UserError } from '../errors.ts';
import { DRAM_BASE } from '../machine/config.ts';
import { layOut } from '../machine/layout.ts';
import { PhysicalMemory } from '../machine/memory.ts';
import { type BootFiles, placeImages } from './boot.ts';
import type { ImageFile } from './image.ts';

const nop = Uint8Array.of(0x13, 0, 0, 0);
const raw = (name: string, size: number): ImageFile => ({ name, bytes: new Uint8Array(size).fill(0xa5) });
const elf = (address: number, size = 4, entry = address): ImageFile => ({
  name: 'prog.elf',
  bytes: tinyElf([{ address: BigInt(address), data: nop, memorySize: BigInt(size) }], BigInt(entry)),
});

function boot(files: BootFiles, mebibytes = 128) {
  const dram = { name: 'DRAM', kind: 'dram', base: DRAM_BASE, size: mebibytes * MiB } as const;
  const memory = new PhysicalMemory(layOut(1, [dram], 65536));
  const devices = makeVirtDevices(new FakeHost(1), { uartOutput: () => {}, seed: 1 });
  const target = { memory, harts: 1, rom: devices.rom, devices: devices.all, seed: 1 };
  return { memory, rom: devices.rom, ...placeImages(target, files) };
}

function refusal(files: BootFiles): string {
  try {
    boot(files);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
  return 'no error';
}

test('firmware and a raw kernel: the kernel is at 0x80200000 and firmware finds it through fw_dynamic_info', () => {
  const { state, memory, rom } = boot({ firmware: raw('fw.bin', 1000), kernel: raw('kernel.bin', 5000) });
  expect(state).toMatchObject({ entry: 0x8000_0000n, mode: 'machine', a2: BigInt(DYNAMIC_INFO_ADDRESS) });
  expect(memory.read8(0x8000_0000 + 999)).toBe(0xa5);
  expect(memory.read8(0x8020_0000 + 4999)).toBe(0xa5);
  expect(memory.read32(state.dtb)).toBe(0xedfe0dd0);
  // As under QEMU: 128 MiB end at 0x8800_0000, the tree lies at the last 2 MiB boundary before.
  expect(state.dtb).toBe(0x87e0_0000);
  const info = (index: number) => rom.read(DYNAMIC_INFO_ADDRESS - 0x1000 + 8 * index, 4);
  expect([0, 1, 2, 3].map(info)).toEqual([0x4942534f, 2, 0x8020_0000, 1]);
});

test('a kernel alone starts in S-mode, a program at the start of DRAM or with `bare` in M-mode', () => {
  expect(boot({ kernel: elf(0x8020_0000) }).state).toMatchObject({ mode: 'supervisor', entry: 0x8020_0000n });
  expect(boot({ kernel: raw('Image', 100) }).state).toMatchObject({
    mode: 'supervisor',
    entry: 0x8020_0000n,
  });
  expect(boot({ kernel: elf(0x8000_0000) }).state).toMatchObject({ mode: 'machine', entry: 0x8000_0000n });
  expect(boot({ kernel: elf(0x8010_0000), bare: true }).state).toMatchObject({
    mode: 'machine',
    entry: 0x8010_0000n,
  });
});

test('a program that covers the start of DRAM starts there, wherever its entry point is, as under QEMU', () => {
  expect(boot({ kernel: elf(0x8000_0000, 64, 0x8000_0010) }).state.entry).toBe(0x8000_0000n);
});

test('the initial RAM disk lies half of memory above the kernel, and the device tree says so', () => {
  const { dtb, memory } = boot({ kernel: raw('Image', 100), initrd: raw('initrd', 3000), append: 'quiet' });
  const chosen = parseTree(dtb).find('chosen')!;
  const cells = (name: string) => Buffer.from(chosen.properties.get(name)!).toString('hex');
  expect(cells('linux,initrd-start')).toBe('0000000084200000');
  expect(cells('linux,initrd-end')).toBe('0000000084200bb8');
  expect(Buffer.from(chosen.properties.get('bootargs')!).toString()).toBe('quiet\0');
  expect(memory.read8(0x8420_0000 + 2999)).toBe(0xa5);
});

test('memory beyond the bytes of a segment is zero', () => {
  const { memory } = boot({ kernel: elf(0x8000_0000, 64) });
  expect(memory.read32(0x8000_0000)).toBe(0x13);
  expect(memory.read32(0x8000_003c)).toBe(0);
});

const twice = tinyElf([
  { address: 0x8000_0000n, data: nop, memorySize: 0x100n },
  { address: 0x8000_00ffn, data: nop },
]);
const object = tinyElf([{ address: 0x8000_0000n, data: nop }]);
new DataView(object.buffer).setUint16(EHDR.type, ET.REL, true);

test.each<[string, BootFiles, RegExp]>([
  [
    'larger than memory',
    { kernel: elf(0x8000_0000, 200 * MiB) },
    /^prog\.elf: segment 0 needs memory.*--mem/,
  ],
  ['below DRAM', { kernel: elf(0x1_0000) }, /^prog\.elf: segment 0 needs memory at 0x10000/],
  [
    'segments on top of one another',
    { kernel: { name: 'x.elf', bytes: twice } },
    /^x\.elf: segment 1.*overlaps x\.elf: segment 0/,
  ],
  [
    'a kernel on top of firmware',
    { firmware: raw('fw.bin', 100), kernel: elf(0x8000_0000) },
    /overlaps fw\.bin/,
  ],
  ['an entry point in no segment', { kernel: elf(0x8000_0000, 4, 0x9000_0000) }, /entry point 0x90000000/],
  ['an object file', { kernel: { name: 'x.o', bytes: object } }, /object file.*link it/],
  ['an executable without segments', { kernel: { name: 'x', bytes: tinyElf([]) } }, /no segment/],
  ['an empty file', { kernel: raw('empty', 0) }, /^empty: the file is empty/],
  [
    'an initrd too large',
    { kernel: raw('Image', 100), initrd: raw('initrd', 100 * MiB) },
    /^initrd needs memory/,
  ],
  [
    'an initrd up to the device tree',
    { kernel: raw('Image', 9), initrd: raw('initrd', 61 * MiB) },
    /device tree.*overlaps initrd/,
  ],
])('%s is refused', (_title, files, expected) => {
  expect(refusal(files)).toMatch(expected);
});
