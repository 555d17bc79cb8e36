/** Does the NVDIMM's controller behave as docs/nvdimm.md says, register by register? */
import { expect, test } from 'vitest';
import { MiB, paddr } from '../addresses.ts';
import { BUS_ERROR } from '../machine/bus.ts';
import { layOut } from '../machine/layout.ts';
import { PhysicalMemory } from '../machine/memory.ts';
import { blockNumber } from '../nvdimm/dpa.ts';
import { readLabelArea } from '../nvdimm/labels.ts';
import { MemoryMedia } from '../nvdimm/media.ts';
import { Nvdimm } from '../nvdimm/nvdimm.ts';
import { FENCE } from '../nvdimm/persistency.ts';
import { FakeHost } from './fake-host.ts';
import {
  NVDIMM_COMMAND,
  NVDIMM_HEALTH,
  NVDIMM_REGISTER,
  NVDIMM_STATUS,
  NvdimmController,
} from './nvdimm-controller.ts';

const BASE = 0x1_0000_0000;
const SIZE = 2 * MiB;

function make() {
  const host = new FakeHost();
  const layout = layOut(
    1,
    [
      { name: 'DRAM', kind: 'dram', base: paddr(0x8000_0000), size: MiB },
      { name: 'NVDIMM', kind: 'nvdimm', base: paddr(BASE), size: SIZE },
    ],
    MiB,
  );
  const memory = new PhysicalMemory(layout);
  const media = new MemoryMedia(SIZE);
  const origin = (hart: number) => ({ hart, instret: 0, pcLow: 0, pcHigh: 0 });
  const nvdimm = new Nvdimm(memory, layout.regions[1]!, origin, {
    media,
    recording: true,
    trackDeep: true,
  });
  const controller = new NvdimmController(host, nvdimm, () => 0);
  const wide = (offset: number): number =>
    controller.read(offset, 4) + controller.read(offset + 4, 4) * 2 ** 32;
  const setWide = (offset: number, value: number): void => {
    controller.write(offset, 4, value % 2 ** 32);
    controller.write(offset + 4, 4, Math.floor(value / 2 ** 32));
  };
  return { host, memory, media, nvdimm, controller, wide, setWide };
}

test('it tells who it is and where the media are', () => {
  const { controller, wide } = make();
  expect(controller.read(NVDIMM_REGISTER.magic, 4).toString(16)).toBe('44564e4c');
  expect(wide(NVDIMM_REGISTER.mediaSize)).toBe(SIZE);
  expect(wide(NVDIMM_REGISTER.mediaBase)).toBe(BASE);
  expect(controller.read(NVDIMM_REGISTER.blockSize, 4)).toBe(64);
  expect(controller.read(NVDIMM_REGISTER.health, 4)).toBe(0);
  const [, pmem] = controller.deviceTree();
  expect(pmem).toMatchObject({
    name: 'pmem@100000000',
    parent: '/',
    properties: { compatible: 'pmem-region', reg: [1, 0, 0, SIZE] },
  });
});

test('registers take aligned 32-bit accesses only', () => {
  const { controller } = make();
  expect(controller.read(NVDIMM_REGISTER.magic, 2)).toBe(BUS_ERROR);
  expect(controller.read(NVDIMM_REGISTER.magic + 2, 4)).toBe(BUS_ERROR);
  expect(controller.write(NVDIMM_REGISTER.command, 1, 1)).toBe(BUS_ERROR);
});

test('the label window is the label area, byte by byte', () => {
  const { controller, media } = make();
  const area = Uint8Array.from({ length: 128 * 1024 }, (_, i) => controller.read(0x2_0000 + i, 1));
  expect(readLabelArea(area)).toMatchObject([{ name: 'licorice', size: SIZE }]);
  controller.write(0x2_0000 + 600, 4, 0x01020304);
  const bytes = new Uint8Array(4);
  media.readLabels(600, bytes);
  expect([...bytes]).toEqual([4, 3, 2, 1]);
});

test('a scrub takes guest time and makes latent errors known', () => {
  const { controller, host, nvdimm, wide } = make();
  nvdimm.errors.poison(blockNumber(100));
  nvdimm.errors.poison(blockNumber(SIZE / 64 - 1));
  controller.write(NVDIMM_REGISTER.command, 4, NVDIMM_COMMAND.scrub);
  expect(controller.read(NVDIMM_REGISTER.status, 4)).toBe(NVDIMM_STATUS.busy);
  expect(controller.read(NVDIMM_REGISTER.poisonCount, 4)).toBe(0);
  host.advanceTo(MiB);
  expect(wide(NVDIMM_REGISTER.scrubbed)).toBe(MiB);
  expect(controller.read(NVDIMM_REGISTER.poisonCount, 4)).toBe(1);
  host.advanceTo(2 * MiB);
  expect(controller.read(NVDIMM_REGISTER.status, 4)).toBe(NVDIMM_STATUS.done);
  expect(controller.read(NVDIMM_REGISTER.poisonCount, 4)).toBe(2);
  controller.write(NVDIMM_REGISTER.poisonIndex, 4, 1);
  expect(wide(NVDIMM_REGISTER.poisonAddress)).toBe(SIZE - 64);
  controller.write(NVDIMM_REGISTER.poisonIndex, 4, 2);
  expect(controller.read(NVDIMM_REGISTER.poisonAddress, 4)).toBe(0xffff_ffff);
  expect(controller.read(NVDIMM_REGISTER.health, 4)).toBe(NVDIMM_HEALTH.poison);
});

test('clearing a range makes its blocks readable and zero', () => {
  const { controller, memory, nvdimm, setWide } = make();
  memory.write32(BASE + 640, 7);
  nvdimm.errors.poison(blockNumber(10));
  nvdimm.errors.poison(blockNumber(20));
  nvdimm.errors.scrub(0, SIZE);
  setWide(NVDIMM_REGISTER.rangeStart, 600);
  setWide(NVDIMM_REGISTER.rangeLength, 200);
  controller.write(NVDIMM_REGISTER.command, 4, NVDIMM_COMMAND.clear);
  expect(controller.read(NVDIMM_REGISTER.status, 4)).toBe(NVDIMM_STATUS.done);
  expect(nvdimm.errors.known).toEqual([20 * 64]);
  expect(memory.read32(BASE + 640)).toBe(0);
});

test('a range outside of the media is refused', () => {
  const { controller, setWide } = make();
  setWide(NVDIMM_REGISTER.rangeStart, SIZE);
  setWide(NVDIMM_REGISTER.rangeLength, 64);
  controller.write(NVDIMM_REGISTER.command, 4, NVDIMM_COMMAND.scrub);
  expect(controller.read(NVDIMM_REGISTER.status, 4)).toBe(NVDIMM_STATUS.bad);
});

test('the flush hint saves fenced data from a failure of ADR, once a fence or a read has waited for it', () => {
  const { controller, memory, nvdimm } = make();
  memory.write32(BASE, 7, 0);
  nvdimm.cacheBlock('clean', BASE, 0);
  nvdimm.fence(FENCE.W, FENCE.W, 0);
  controller.write(NVDIMM_REGISTER.flushHint, 4, 1);
  expect(nvdimm.engine.undetermined('adr-fail')).toEqual([0]);
  expect(controller.read(NVDIMM_REGISTER.flushHint, 4)).toBe(0);
  expect(nvdimm.engine.undetermined('adr-fail')).toEqual([]);
});

test('its state survives saving in the middle of a scrub', () => {
  const { controller, host, nvdimm } = make();
  controller.write(NVDIMM_REGISTER.command, 4, NVDIMM_COMMAND.scrub);
  host.advanceTo(MiB);
  const state = controller.save();
  const other = new NvdimmController(host, nvdimm, () => 0);
  other.restore(state);
  expect(other.save()).toEqual(state);
  expect(other.read(NVDIMM_REGISTER.status, 4)).toBe(NVDIMM_STATUS.busy);
});
