/** Power: an orderly end marks the store clean; whatever else happens, the journal has the store in order. */
import { systemReset, toVirtual } from './arch.ts';
import { unmountStore } from './store.ts';

/** The virt machine's test finisher: ends the machine with an exit code. */
const FINISHER: u64 = 0x10_0000;
const FINISHER_FAIL: u32 = 0x3333;

/** Ends the machine (with an exit code that its owner sees, 0 to 255), or starts it again. */
export function powerOff(reboot: bool, code: u64): never {
  unmountStore();
  if (!reboot && code !== 0)
    volatileStore<u32>(toVirtual(FINISHER), FINISHER_FAIL | (u32(code & 0xff) << 16));
  systemReset(reboot ? 1 : 0, 0);
}
