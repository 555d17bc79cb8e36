/**
 * Explained accesses: the translation of an address step by step, as the hart would make it now, and what lies at the
 * physical address: which memory, at which offset, and for the NVDIMM how persistent the cache block is. For
 * debuggers and `licorice explain`; nothing of the guest's state changes.
 */
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import { CAUSE_NAMES } from '../cpu/causes.ts';
import type { Explanation } from '../mmu/mmu.ts';
import type { Access } from '../mmu/translation.ts';
import { blockOf, dpa } from '../nvdimm/dpa.ts';
import type { Nvdimm } from '../nvdimm/nvdimm.ts';
import type { LineState } from '../nvdimm/persistency.ts';
import type { Core } from './core.ts';
import type { Machine } from './machine.ts';

/** What lies at a physical address. */
export interface Place {
  /** Name of the region or device; undefined: nothing answers there. */
  readonly name: string | undefined;
  readonly kind: 'dram' | 'nvdimm' | 'device' | 'nothing';
  /** Bytes from its beginning. */
  readonly offset: number;
  /** For the NVDIMM: number of the cache block, and its state where stores are recorded. */
  readonly block?: number;
  readonly lineState?: LineState;
  /** Stores to the block that a power failure now may lose. */
  readonly pendingStores?: number;
}

export interface ExplainedAccess extends Explanation {
  readonly access: Access;
  readonly privilege: number;
  /** Name of the exception, if it would fault. */
  readonly fault?: string;
  /** Where it ends, if it would succeed. */
  readonly place?: Place;
}

/**
 * Explains an access of a core.
 * @param privilege effective privilege: 0 U, 1 S, 3 M
 * @param nvdimm the machine's, if it has one whose block states are wanted
 */
export function explainAccess(
  machine: Machine,
  core: Core,
  va: bigint,
  access: Access,
  privilege: number,
  nvdimm?: Nvdimm,
): ExplainedAccess {
  const explanation = core.mmu.explain(va, access, privilege);
  const { pa, cause } = explanation;
  return {
    ...explanation,
    access,
    privilege,
    ...(cause !== undefined && { fault: CAUSE_NAMES[cause] ?? `exception ${cause}` }),
    ...(pa !== undefined && { place: placeOf(machine, pa, nvdimm) }),
  };
}

/** What lies at a physical address. */
export function placeOf(machine: Machine, pa: number, nvdimm?: Nvdimm): Place {
  const region = machine.memory.regionAt(pa);
  if (region === undefined) {
    const device = machine.bus.at(pa);
    if (device === undefined) return { name: undefined, kind: 'nothing', offset: pa };
    return { name: device.name, kind: 'device', offset: pa - device.base };
  }
  const offset = pa - region.base;
  const place: Place = { name: region.name, kind: region.kind, offset };
  if (region.kind !== 'nvdimm') return place;
  const block = Math.floor(offset / CACHE_BLOCK_SIZE);
  if (!nvdimm?.recording) return { ...place, block };
  const number = blockOf(dpa(offset));
  const { engine } = nvdimm;
  return {
    ...place,
    block,
    lineState: engine.lineState(number),
    pendingStores: engine.pendingStores(number).length,
  };
}
