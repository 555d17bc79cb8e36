/**
 * The kernel lock. One lock serialises the whole kernel: it is taken on entry from user mode and when an idle hart wakes, and
 * given back on the way out. The kernel never blocks and is never interrupted while it holds it (waiting
 * threads are states, not stacks), so one stack per hart is enough and every data structure here needs no lock of its own.
 */

const held = zeroed<FixedArray<u32, 1>>();

export function lockKernel(): void {
  while (atomic.exchange<u32>(held.ptr, 1, Order.acquire) !== 0) pause();
}

export function unlockKernel(): void {
  atomic.store<u32>(held.ptr, 0, Order.release);
}
