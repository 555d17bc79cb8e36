/**
 * Names and phandles that nodes of the device tree use for one another. The numbering is QEMU's for one socket
 * without the others' extras: each hart and its interrupt controller, then the PLIC, then the test finisher.
 */

/** `serial@10000000`. */
export const unitName = (name: string, address: number): string => `${name}@${address.toString(16)}`;

export interface Phandles {
  /** Of each cpu node, by hart. */
  readonly cpus: readonly number[];
  /** Of each hart's interrupt-controller node. */
  readonly cpuInterrupts: readonly number[];
  readonly plic: number;
  readonly test: number;
}

export function phandles(harts: number): Phandles {
  // QEMU numbers its harts downwards.
  const cpus = Array.from({ length: harts }, (_, hart) => 2 * (harts - 1 - hart) + 1);
  return { cpus, cpuInterrupts: cpus.map((cpu) => cpu + 1), plic: 2 * harts + 1, test: 2 * harts + 2 };
}

/** The properties with which a device says that it drives PLIC source `irq`. */
export const interruptProperties = (harts: number, irq: number) => ({
  'interrupt-parent': [phandles(harts).plic],
  interrupts: [irq],
});
