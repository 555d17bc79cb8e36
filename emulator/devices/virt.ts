/**
 * The devices of the machine, wired as on QEMU's `virt`: made in one place and in one order, which is also the order
 * in which their timers go off when they are due together.
 */
import type { Device, DeviceHost } from '../machine/bus.ts';
import { Clint } from './clint.ts';
import { Finisher } from './finisher.ts';
import { IRQ, VIRTIO_COUNT } from './memory-map.ts';
import { Plic } from './plic.ts';
import { BootRom } from './rom.ts';
import { Rtc } from './rtc.ts';
import { Uart } from './uart.ts';
import { type Disk, virtioBlock } from './virtio/block.ts';
import { virtioConsole } from './virtio/console.ts';
import { virtioEntropy } from './virtio/entropy.ts';
import { type BackendFactory, VirtioMmio } from './virtio/mmio.ts';

export interface VirtOptions {
  /** Takes each byte that the guest sends to the UART. */
  readonly uartOutput: (byte: number) => void;
  /** Disks, in virtio slots 0, 1, … */
  readonly disks?: readonly Disk[];
  /** A virtio console in the last but one slot, printing here. */
  readonly consoleOutput?: (bytes: Uint8Array) => void;
  /** Seed of the entropy source in the last slot. */
  readonly seed: number;
  /** virtio-mmio version 2 instead of QEMU's default, the legacy version 1. */
  readonly modernVirtio?: boolean;
  /** Date at guest time 0, in seconds since 1970; a fixed one by default. */
  readonly startSeconds?: number;
}

/** The devices by name, for those who need one of them. */
export interface VirtDevices {
  readonly rom: BootRom;
  readonly clint: Clint;
  readonly plic: Plic;
  readonly uart: Uart;
  readonly all: readonly Device[];
}

const ENTROPY_SLOT = VIRTIO_COUNT - 1;
const CONSOLE_SLOT = VIRTIO_COUNT - 2;
/** Most disks that leave room for the console and the entropy source. */
export const MAX_DISKS = VIRTIO_COUNT - 2;

export function makeVirtDevices(host: DeviceHost, options: VirtOptions): VirtDevices {
  const rom = new BootRom();
  const clint = new Clint(host);
  const plic = new Plic(host);
  const uart = new Uart(host, plic.line(IRQ.uart), options.uartOutput);
  const backends: (BackendFactory | undefined)[] = Array.from({ length: VIRTIO_COUNT }, () => undefined);
  options.disks?.forEach((disk, slot) => {
    backends[slot] = virtioBlock(disk);
  });
  if (options.consoleOutput) backends[CONSOLE_SLOT] = virtioConsole(options.consoleOutput);
  backends[ENTROPY_SLOT] = virtioEntropy(options.seed);
  const virtio = backends.map(
    (backend, slot) =>
      new VirtioMmio(host, plic.line(IRQ.virtio + slot), slot, options.modernVirtio !== true, backend),
  );
  const rtc = new Rtc(host, plic.line(IRQ.rtc), options.startSeconds);
  const all = [rom, new Finisher(host), rtc, uart, ...virtio, plic, clint];
  return { rom, clint, plic, uart, all };
}
