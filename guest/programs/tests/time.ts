/** The `time` counter for test programs. */
export function ticks(): u64 {
  return csr.read('time');
}
