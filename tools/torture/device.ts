/**
 * The torture device: how a program under test and the tester talk (docs/torture.md). One page of registers beside
 * the test finisher; only machines of `licorice torture` have it. Registers are 32 bits wide.
 *
 *   0x0  W   acknowledge: operation `value` is durable by the program's promise (1, 2, …; ascending)
 *   0x4  R   phase: 0 the workload runs, 1 the machine comes up after a power failure
 *   0x8  R   the last acknowledged operation before the failure, 0 for none
 */
import { paddr } from '../../emulator/addresses.ts';
import { MEMORY_MAP } from '../../emulator/devices/memory-map.ts';
import { type AccessSize, BUS_ERROR, type Device } from '../../emulator/machine/bus.ts';

export const TORTURE_REGISTER = { acknowledge: 0x0, phase: 0x4, acknowledged: 0x8 } as const;

/** The page after the real-time clock's: free on QEMU's `virt`. */
export const TORTURE_BASE = paddr(MEMORY_MAP.rtc.base + MEMORY_MAP.rtc.size);

export class TortureDevice implements Device {
  readonly name = 'torture';
  readonly base = TORTURE_BASE;
  readonly size = 0x1000;
  /** The last acknowledged operation. */
  acknowledged = 0;

  /** @param onAcknowledge called before operation `value` counts as acknowledged; absent after a failure */
  constructor(private readonly onAcknowledge?: (value: number) => void) {}

  read(offset: number, size: AccessSize): number {
    if (size !== 4) return BUS_ERROR;
    if (offset === TORTURE_REGISTER.phase) return this.onAcknowledge ? 0 : 1;
    return offset === TORTURE_REGISTER.acknowledged ? this.acknowledged : 0;
  }

  write(offset: number, size: AccessSize, value: number): number | undefined {
    if (size !== 4) return BUS_ERROR;
    // After the failure the number stays: recovery may run the same code as the workload.
    if (offset !== TORTURE_REGISTER.acknowledge || !this.onAcknowledge) return;
    this.onAcknowledge(value);
    this.acknowledged = value;
    return;
  }
}
