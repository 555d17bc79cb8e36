/**
 * From what a cache block held after a failure back to what it held before, and to how much of the stores in between must have reached
 * the media. Works on cubes (emulator/nvdimm/images.ts), because a torn `cbo.zero` leaves too many contents to list.
 */
import { CACHE_BLOCK_SIZE } from '../../emulator/addresses.ts';
import type { Cube } from '../../emulator/nvdimm/images.ts';
import { applyUnit, isZeroing, type StoreUnit } from '../../emulator/nvdimm/pending.ts';
import type { Reached } from './reached.ts';

/** What a block may hold: one of some contents, or anything. */
export type Wanted = readonly Pick<Cube, 'bytes' | 'freeLow' | 'freeHigh'>[] | undefined;
type Contents = NonNullable<Wanted>[number];

export interface StepBack {
  /** Of the stores behind the certain ones. */
  readonly reached: Reached;
  /** What the block must have held before. */
  readonly before: NonNullable<Wanted>;
}

/**
 * How a block that held one of `bases` can have come to hold something wanted, as many stores as possible having reached the media, and
 * with a torn `cbo.zero` only where nothing else will do. Undefined: in no way.
 * @param certain how many of the stores have reached it for certain
 */
export function stepBack(
  bases: NonNullable<Wanted>,
  stores: readonly StoreUnit[],
  certain: number,
  wanted: Wanted,
): StepBack | undefined {
  for (const torn of [false, true])
    for (let count = stores.length; count >= certain; count--) {
      const next = stores[count];
      if (torn && !(next && isZeroing(next))) continue;
      for (const base of bases) {
        const step = match(base, stores.slice(0, count), torn, wanted);
        if (step) return { reached: { stores: count - certain, zeroed: step.zeroed }, before: [step.before] };
      }
    }
  return undefined;
}

/** The stores on a base, and perhaps some zeros, as something wanted. */
function match(
  base: Contents,
  stores: readonly StoreUnit[],
  torn: boolean,
  wanted: Wanted,
): { readonly zeroed: bigint; readonly before: Contents } | undefined {
  const after = bytesOf(base);
  const stored = new Uint8Array(CACHE_BLOCK_SIZE);
  for (const unit of stores) {
    applyUnit(after.bytes, unit);
    for (let i = 0; i < unit.size; i++) {
      stored[unit.offset + i] = 1;
      after.free[unit.offset + i] = 0;
    }
  }
  if (wanted === undefined) return { zeroed: 0n, before: base };
  for (const one of wanted) {
    const goal = bytesOf(one);
    const before = bytesOf(base);
    let zeroed = 0n;
    const fits = after.bytes.every((byte, i) => {
      if (byte === goal.bytes[i]) {
        // Where both may be zero as well, neither is.
        before.free[i] = 0;
        return true;
      }
      if (goal.bytes[i] !== 0 && goal.free[i] === 0) return false;
      if (byte === 0) return true;
      if (after.free[i] === 1) {
        before.bytes[i] = 0;
        before.free[i] = 0;
        return true;
      }
      if (!torn) return false;
      zeroed |= 1n << BigInt(i);
      return true;
    });
    if (!fits) continue;
    // Of what was stored over, what was there before does not matter.
    const given = bytesOf(base);
    for (let i = 0; i < CACHE_BLOCK_SIZE; i++)
      if (stored[i] === 1) {
        before.bytes[i] = given.bytes[i]!;
        before.free[i] = given.free[i]!;
      }
    return { zeroed, before: contentsOf(before) };
  }
  return undefined;
}

/** The same with a flag for each byte. */
interface Bytes {
  readonly bytes: Uint8Array;
  /** 1: the byte may be zero as well. */
  readonly free: Uint8Array;
}

const bytesOf = ({ bytes, freeLow, freeHigh }: Contents): Bytes => ({
  bytes: bytes.slice(),
  free: Uint8Array.from({ length: CACHE_BLOCK_SIZE }, (_, i) =>
    i < 32 ? (freeLow >>> i) & 1 : (freeHigh >>> (i - 32)) & 1,
  ),
});

function contentsOf({ bytes, free }: Bytes): Contents {
  let freeLow = 0;
  let freeHigh = 0;
  for (let i = 0; i < 32; i++) {
    freeLow |= free[i]! << i;
    freeHigh |= free[32 + i]! << i;
  }
  return { bytes, freeLow, freeHigh };
}
