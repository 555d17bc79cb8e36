/**
 * The NVDIMM (docs/nvdimm.md) as an extension of a machine: its memory region's page handlers, its part in
 * cache-block operations and fences, its controller on the bus. The machine's configuration must have an `nvdimm`
 * region of the media's size.
 */
import { type PAddr, paddr } from '../addresses.ts';
import { NvdimmController } from '../devices/nvdimm-controller.ts';
import { Nvdimm, type NvdimmOptions } from '../nvdimm/nvdimm.ts';
import type { Machine, MachineExtension } from './machine.ts';

/** Where the media are, for a machine whose DRAM ends below: the first GiB boundary from 4 GiB on. */
export function nvdimmBase(dramEnd: number): PAddr {
  const GIB = 2 ** 30;
  return paddr(Math.max(2 ** 32, Math.ceil(dramEnd / GIB) * GIB));
}

/** The NVDIMM for one machine; make a new one for each. */
export interface NvdimmExtension extends MachineExtension {
  /** The NVDIMM, once the machine has been made. */
  readonly nvdimm: Nvdimm;
}

export function nvdimmExtension(options: NvdimmOptions): NvdimmExtension {
  let nvdimm: Nvdimm | undefined;
  return {
    name: 'NVDIMM',
    get nvdimm() {
      if (nvdimm === undefined) throw new Error('the NVDIMM is not part of a machine yet');
      return nvdimm;
    },
    attach: (machine) => {
      nvdimm = attach(machine, options);
    },
  };
}

function attach(machine: Machine, options: NvdimmOptions): Nvdimm {
  const region = machine.memory.regions.find(({ kind }) => kind === 'nvdimm');
  if (region === undefined) throw new Error('the machine has no region for its NVDIMM');
  if (region.size !== options.media.size) throw new Error("the NVDIMM's region and media differ in size");
  const origin = (initiator: number) => {
    const instret = machine.instructions + machine.turns.current.hart.executed;
    const hart = machine.cores[initiator]?.hart;
    return { hart: initiator, instret, pcLow: (hart?.pcLo ?? 0) >>> 0, pcHigh: (hart?.pcHi ?? 0) >>> 0 };
  };
  const nvdimm = new Nvdimm(machine.memory, region, origin, options);
  const currentHart = (): number => machine.turns.current.hart.index;
  machine.bus.add(new NvdimmController(machine.deviceHost(), nvdimm, currentHart));
  machine.hooks.cacheBlock = (operation, pa, hart) => nvdimm.cacheBlock(operation, pa, hart.index);
  machine.hooks.zeroesOfDramMatter = false;
  machine.hooks.fence = (pred, succ, hart) => nvdimm.fence(pred, succ, hart.index);
  machine.hooks.fencesMatter = () => nvdimm.waitsForFence;
  machine.beforeOutput.push(() => nvdimm.beforeOutput());
  machine.beforeSave.push(() => nvdimm.readAll());
  machine.stateful.push({
    name: 'nvdimm-media',
    save: () => nvdimm.save(),
    restore: (state) => nvdimm.restore(state),
  });
  return nvdimm;
}
