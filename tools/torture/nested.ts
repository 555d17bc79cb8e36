/**
 * Crash points within recovery. The power has failed once, and left some image of a set; recovery has stored to the
 * NVDIMM since; now the power fails again. What it may leave then is, block by block, whatever the first failure may have left,
 * with a prefix of recovery's stores applied.
 */
import type { Computer } from '../../emulator/boot/computer.ts';
import type { BlockNumber } from '../../emulator/nvdimm/dpa.ts';
import { BlockImages } from '../../emulator/nvdimm/images.ts';
import { imagesAfter, type StoreUnit } from '../../emulator/nvdimm/pending.ts';
import { type BlockSets, type CrashPlace, type CrashPoint, crashPointNow } from './crash.ts';

/** A crash point within recovery, with what it was made from. */
export interface NestedPoint extends CrashPoint {
  /** What the failure before may have left of each block that it left open or that recovery has stored to, as far as recovery had not read it. */
  readonly before: BlockSets;
  /** For each block of `sets`: recovery's stores that survive this failure, too. */
  readonly certain: ReadonlyMap<BlockNumber, readonly StoreUnit[]>;
}

/**
 * The present crash point of a recovery whose computer records, and keeps all stores since power-on.
 * @param before what the failure before may have left, as far as recovery has not read it
 */
export function nestedPoint(
  computer: Computer,
  place: Pick<CrashPlace, 'index' | 'kind' | 'progress'>,
  before: BlockSets,
): NestedPoint {
  const point = crashPointNow(computer, place);
  const state = computer.nvdimm!.engine.snapshot();
  const sets = new Map<BlockNumber, BlockImages>();
  const bases = new Map<BlockNumber, BlockImages>();
  const stores = new Map<BlockNumber, readonly StoreUnit[]>();
  const certain = new Map<BlockNumber, readonly StoreUnit[]>();
  const writtenBack = new Map<BlockNumber, number>();
  for (const block of [...new Set([...before.keys(), ...state.blocks.keys()])].sort((a, b) => a - b)) {
    const pending = state.blocks.get(block);
    const base = before.get(block) ?? BlockImages.single(pending!.base.slice());
    bases.set(block, base);
    const set = pending ? imagesAfter(base, pending.units, pending.guaranteed) : base;
    if (set.determined) continue;
    const first = pending ? pending.indexOf(pending.guaranteed) : 0;
    sets.set(block, set);
    stores.set(block, pending ? pending.units.slice(first) : []);
    certain.set(block, pending ? pending.units.slice(0, first) : []);
    writtenBack.set(block, pending?.writtenBack ?? 0);
  }
  let legal = 1n;
  for (const set of sets.values()) legal *= set.count;
  return { ...point, sets, stores, certain, writtenBack, before: bases, legal };
}
