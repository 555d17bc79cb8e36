/**
 * What boots after a power failure in the stress tests: lets the kernel free what was left half deleted or half made, as an idle
 * hart does, then switches the machine off, so that the store holds what exists and nothing else.
 */
import '../libtwz/start.ts';
import { CONFIG_STORE_FREE, POWER_OFF, SYS_CONFIG, SYS_POWER } from '../abi/syscall.ts';
import { sleepFor } from '../libtwz/lock.ts';
import { syscall } from '../libtwz/syscall.ts';

const word = zeroed<FixedArray<u64, 1>>();

/** @export */
function main(): u64 {
  let free: i64 = -1;
  for (;;) {
    const now = syscall(SYS_CONFIG, CONFIG_STORE_FREE, 0, 0, 0, 0);
    if (now === free) break;
    free = now;
    sleepFor(word.ptr.address, 0, 1_000_000);
  }
  syscall(SYS_POWER, POWER_OFF, 0, 0, 0, 0);
  return 0;
}
