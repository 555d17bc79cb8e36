/**
 * Persistence primitives (docs/persistency.md): what has been cleaned is persistent when the next fence completes. No
 * system call is involved.
 */
import { CACHE_LINE } from '../abi/object.ts';

/** Starts the write-back of all cache blocks of [address, address + size). */
export function clean(address: usize, size: u64): void {
  const end = address + size;
  for (let block = address & ~u64(CACHE_LINE - 1); block < end; block += CACHE_LINE) cbo.clean(block);
}

/** Waits until everything that this hart has cleaned is persistent. */
export function persistFence(): void {
  fence('rw', 'rw');
}

/** Makes [address, address + size) persistent. */
export function persist(address: usize, size: u64): void {
  clean(address, size);
  persistFence();
}

/** Stores a word and makes it persistent: the commit of many small protocols. */
export function storePersistent(address: usize, value: u64): void {
  volatileStore<u64>(address, value);
  cbo.clean(address);
  persistFence();
}

/** Has the page of an address made, or faults where there is no space for it; what others store there at the same time stays. */
export function touch(address: usize): void {
  atomic.or<u64>(at<Ptr<u64>>(address & ~u64(7)), 0, Order.relaxed);
}
