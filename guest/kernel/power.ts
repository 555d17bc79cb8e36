/** Power: an orderly end marks the store clean; whatever else happens, the journal has the store in order. */
import { systemReset } from './arch.ts';
import { unmountStore } from './store.ts';

/** Ends the machine, or starts it again. */
export function powerOff(reboot: bool): never {
  unmountStore();
  systemReset(reboot ? 1 : 0, 0);
}
