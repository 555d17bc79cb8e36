/** The console of the built-in SBI: the UART at its place on the bus, driven as firmware drives it (polling). */
import { BUS_ERROR, type Bus } from './bus.ts';
import type { SbiConsole } from './sbi.ts';

/** Base of the 16550 on QEMU's `virt`; registers are bytes. */
const UART = 0x1000_0000;
/** Receive and transmit buffer. */
const DATA = 0;
/** Line status: bit 0 data ready. */
const LINE_STATUS = 5;
const DATA_READY = 1;

export function busConsole(bus: Bus): SbiConsole {
  return {
    write: (byte) => {
      bus.write(UART + DATA, 1, byte);
    },
    read: () => {
      const status = bus.read(UART + LINE_STATUS, 1);
      return status !== BUS_ERROR && status & DATA_READY ? bus.read(UART + DATA, 1) : -1;
    },
  };
}
