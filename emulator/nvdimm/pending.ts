/**
 * A cache block with stores that a power failure may undo: the record that the persistency engine keeps of it.
 *
 * Invariants: `units` are in memory order (`seq` ascending) and all lie in this block; `base` is the content before
 * the first of them; units below `guaranteed` survive a power failure, those below `writtenBack` have been written
 * back by a `cbo.clean` or `cbo.flush` that no fence need have completed yet; guaranteed ≤ writtenBack.
 */
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import type { BlockNumber } from './dpa.ts';
import { BlockImages, type Cube } from './images.ts';

/** Where a store came from, for reports. */
export interface Origin {
  /** Hart index; -1 for a device (DMA). */
  readonly hart: number;
  /** Instructions retired by the machine before the one that stored. */
  readonly instret: number;
  /** Virtual address of that instruction, low and high 32 bits, unsigned. */
  readonly pcLow: number;
  readonly pcHigh: number;
}

/** One atomic piece of a store (within aligned 8 bytes), or a whole `cbo.zero`, whose bytes may tear. */
export interface StoreUnit extends Origin {
  /** Place in the global memory order of all stores to the NVDIMM. */
  readonly seq: number;
  /** First byte within the block, 0–63. */
  readonly offset: number;
  /** Bytes: 1–8, or 64 for a `cbo.zero`. */
  readonly size: number;
  /** The value, low and high 32 bits, little-endian, unsigned; 0 for a `cbo.zero`. */
  readonly low: number;
  readonly high: number;
}

/** True for a `cbo.zero`: the only unit that a power failure may tear. */
export const isZeroing = (unit: StoreUnit): boolean => unit.size === CACHE_BLOCK_SIZE;

/** Writes a unit into a block's 64 bytes. */
export function applyUnit(bytes: Uint8Array, unit: StoreUnit): void {
  if (isZeroing(unit)) {
    bytes.fill(0);
    return;
  }
  for (let i = 0; i < unit.size; i++) {
    bytes[unit.offset + i] = i < 4 ? unit.low >>> (8 * i) : unit.high >>> (8 * (i - 4));
  }
}

export class PendingBlock {
  constructor(
    readonly block: BlockNumber,
    /** 64 bytes: the content before `units[0]`. */
    public base: Uint8Array,
    public units: StoreUnit[],
    /** Units with a smaller `seq` survive a power failure. */
    public guaranteed: number,
    /** Units with a smaller `seq` have left the caches through a cache-block operation. */
    public writtenBack: number,
    /** The engine state that may change this record in place; others copy it first. */
    readonly owner: object,
  ) {}

  /** A copy that `owner` may change. */
  copyFor(owner: object): PendingBlock {
    return new PendingBlock(
      this.block,
      this.base.slice(),
      this.units.slice(),
      this.guaranteed,
      this.writtenBack,
      owner,
    );
  }

  /** Applies the units below `seq` to `base` and forgets them. */
  settle(seq: number): void {
    let count = 0;
    while (count < this.units.length && this.units[count]!.seq < seq)
      applyUnit(this.base, this.units[count++]!);
    if (count > 0) this.units.splice(0, count);
  }

  /** The content after every unit: what loads return. */
  newest(): Uint8Array {
    const bytes = this.base.slice();
    for (const unit of this.units) applyUnit(bytes, unit);
    return bytes;
  }

  /** The first unit that is not below `seq`, as an index into `units`. */
  indexOf(seq: number): number {
    let index = 0;
    while (index < this.units.length && this.units[index]!.seq < seq) index++;
    return index;
  }

  /** What the block may hold if the units below `least` are certain and any prefix of the rest is possible. */
  images(least: number): BlockImages {
    return imagesAfter(BlockImages.single(this.base.slice()), this.units, least);
  }
}

/**
 * What a block may hold that held one of `base`, was stored to by `units` since, of which those below `least` are
 * certain, any prefix of the rest is possible, and a `cbo.zero` may be torn.
 */
export function imagesAfter(base: BlockImages, units: readonly StoreUnit[], least: number): BlockImages {
  let contents = base.cubes;
  let index = 0;
  for (; index < units.length && units[index]!.seq < least; index++)
    contents = applied(contents, units[index]!);
  const cubes: Cube[] = [];
  for (; ; index++) {
    const next = units[index];
    const torn = next !== undefined && isZeroing(next);
    for (const { bytes, freeLow, freeHigh } of contents)
      cubes.push({
        bytes,
        freeLow: torn ? nonZeroMask(bytes, 0) : freeLow,
        freeHigh: torn ? nonZeroMask(bytes, 32) : freeHigh,
        prefix: index,
      });
    if (next === undefined) return BlockImages.union(cubes);
    contents = applied(contents, next);
  }
}

/** Contents after a store: its bytes are what it stored, and free no longer. */
function applied(cubes: readonly Cube[], unit: StoreUnit): Cube[] {
  let keepLow = -1;
  let keepHigh = -1;
  for (let i = unit.offset; i < unit.offset + unit.size; i++) {
    if (i < 32) keepLow &= ~(1 << i);
    else keepHigh &= ~(1 << (i - 32));
  }
  return cubes.map(({ bytes, freeLow, freeHigh, prefix }) => {
    const next = bytes.slice();
    applyUnit(next, unit);
    return { bytes: next, freeLow: freeLow & keepLow, freeHigh: freeHigh & keepHigh, prefix };
  });
}

/** Bit i is set when byte `from + i` is not zero. */
function nonZeroMask(bytes: Uint8Array, from: number): number {
  let mask = 0;
  for (let i = 0; i < 32; i++) if (bytes[from + i] !== 0) mask |= 1 << i;
  return mask;
}
