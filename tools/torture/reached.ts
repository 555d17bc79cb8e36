/**
 * How much of what was stored to a block has reached the media: the oldest so many of its pending stores, and, when the next one is a
 * `cbo.zero`, perhaps some of its bytes.
 */
import { UserError } from '../../emulator/errors.ts';
import type { BlockNumber } from '../../emulator/nvdimm/dpa.ts';
import { applyUnit, isZeroing, type StoreUnit } from '../../emulator/nvdimm/pending.ts';

/** Plain data. */
export interface Reached {
  /** Whole stores. */
  readonly stores: number;
  /** Bit n: byte n of the block is zero by the next store, a `cbo.zero` that was torn. */
  readonly zeroed: bigint;
}

/** By block; blocks that are not named have all. */
export type Prefixes = ReadonlyMap<BlockNumber, Reached>;

/** So many stores, none of them torn. */
export const whole = (stores: number): Reached => ({ stores, zeroed: 0n });

export const isTorn = ({ zeroed }: Reached): boolean => zeroed !== 0n;

/** At most as many stores as there are. */
export const within = (reached: Reached, most: number): Reached =>
  reached.stores < most ? reached : whole(most);

/** A block's content, from what it was before its pending stores. */
export function contentAfter(base: Uint8Array, stores: readonly StoreUnit[], reached: Reached): Uint8Array {
  const content = base.slice();
  for (const unit of stores.slice(0, reached.stores)) applyUnit(content, unit);
  for (let i = 0; i < content.length; i++) if ((reached.zeroed >> BigInt(i)) & 1n) content[i] = 0;
  return content;
}

/** The bytes that a torn `cbo.zero` has zeroed, when `before` became `after`. */
export function zeroedBytes(before: Uint8Array, after: Uint8Array): bigint {
  let zeroed = 0n;
  for (const [i, byte] of before.entries()) if (byte !== 0 && after[i] === 0) zeroed |= 1n << BigInt(i);
  return zeroed;
}

/** As in seeds: `3`, or `3z00ff` with the bytes in hexadecimal. */
export const reachedText = ({ stores, zeroed }: Reached): string =>
  zeroed === 0n ? String(stores) : `${stores}z${zeroed.toString(16)}`;

/** The same for several blocks: `12=3,14=0`. */
export const prefixText = (prefixes: Prefixes): string =>
  [...prefixes].map(([block, reached]) => `${block}=${reachedText(reached)}`).join(',');

export function parseReached(text: string): Reached {
  const [stores, zeroed] = text.split('z');
  return { stores: Number(stores), zeroed: BigInt(`0x${zeroed ?? 0}`) };
}

/** @throws UserError when a block of a crash point cannot have been reached by so much */
export function checkReached(
  block: BlockNumber,
  { stores, zeroed }: Reached,
  pending: readonly StoreUnit[] | undefined,
): void {
  const next = pending?.[stores];
  if (pending === undefined || stores > pending.length)
    throw new UserError(`the seed does not fit the program: block ${block} has no ${stores} pending stores`);
  if (zeroed !== 0n && (next === undefined || !isZeroing(next)))
    throw new UserError(
      `the seed does not fit the program: store ${stores} of block ${block} is no cbo.zero`,
    );
}
