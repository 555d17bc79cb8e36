/**
 * The kernel lock. One lock serialises the whole kernel: it is taken on entry from user mode and when an idle hart wakes, and
 * given back on the way out. The kernel never blocks and is never interrupted while it holds it (waiting
 * threads are states, not stacks), so one stack per hart is enough and every data structure here needs no lock of its own.
 *
 * A hart that finds it taken sleeps until the holder sends it an interrupt. *Why not spin:* the kernel is where harts meet, and a
 * spinning hart uses up its part of the emulator's time; four busy harts did four times the work that was needed.
 */
import { IRQ_SOFTWARE, sendIpi } from './arch.ts';
import { thisHart } from './schedule.ts';

const held = zeroed<FixedArray<u32, 1>>();
/** Harts that sleep until they get it, one bit each. */
const waiting = zeroed<FixedArray<u64, 1>>();

export function lockKernel(): void {
  if (atomic.exchange<u32>(held.ptr, 1) !== 0) waitForLock();
}

function waitForLock(): void {
  const self = u64(1) << thisHart().index;
  const enabled = csr.read('sie');
  csr.write('sie', IRQ_SOFTWARE);
  for (;;) {
    // Announced before the last look: a holder that leaves in between sees it, and the interrupt ends the wait at once.
    atomic.or<u64>(waiting.ptr, self);
    if (atomic.exchange<u32>(held.ptr, 1) === 0) break;
    wfi();
    csr.clear('sip', IRQ_SOFTWARE);
  }
  atomic.and<u64>(waiting.ptr, ~self);
  csr.write('sie', enabled);
}

export function unlockKernel(): void {
  atomic.store<u32>(held.ptr, 0);
  const sleepers = atomic.load<u64>(waiting.ptr);
  if (sleepers === 0) return;
  // The next hart after this one, so that each has its turn.
  const from = thisHart().index + 1;
  const hart = (ctz<u64>(rotr<u64>(sleepers, from)) + from) & 63;
  sendIpi(u64(1) << hart);
}
