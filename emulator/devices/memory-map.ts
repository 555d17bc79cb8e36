/**
 * Where the devices of the machine are and which PLIC source each one drives: the map of QEMU's `virt` machine for
 * RISC-V, so that software made for it runs unmodified. Everything that needs an address takes it from here.
 */
import { type PAddr, paddr } from '../addresses.ts';

/** A range of physical addresses. */
export interface AddressRange {
  readonly base: PAddr;
  /** Bytes. */
  readonly size: number;
}

const range = (base: number, size: number): AddressRange => ({ base: paddr(base), size });

export const MEMORY_MAP = {
  /** Reset vector and what it hands to firmware, read-only. */
  rom: range(0x1000, 0xf000),
  /** SiFive test finisher: ends the run. */
  test: range(0x10_0000, 0x1000),
  /** Goldfish real-time clock. */
  rtc: range(0x10_1000, 0x1000),
  /** Core-local interruptor: msip, mtimecmp, mtime. */
  clint: range(0x0200_0000, 0x1_0000),
  /** Platform-level interrupt controller. */
  plic: range(0x0c00_0000, 0x60_0000),
  /** 16550 UART. */
  uart: range(0x1000_0000, 0x100),
  /** The first of `VIRTIO_COUNT` virtio-mmio transports, one every `VIRTIO_STRIDE` bytes. */
  virtio: range(0x1000_1000, 0x1000),
  /** The NVDIMM's controller: registers, then a window on the label area. Free on QEMU's `virt`. */
  nvdimm: range(0x1020_0000, 0x4_0000),
} as const;

/** Number of virtio-mmio transports, and bytes from one to the next. */
export const VIRTIO_COUNT = 8;
export const VIRTIO_STRIDE = 0x1000;
export const virtioRegion = (slot: number): AddressRange => ({
  base: paddr(MEMORY_MAP.virtio.base + slot * VIRTIO_STRIDE),
  size: MEMORY_MAP.virtio.size,
});

/** PLIC source numbers. Source 0 does not exist. */
export const IRQ = {
  /** Of virtio slot 0; slot n has `virtio + n`. */
  virtio: 1,
  uart: 10,
  rtc: 11,
} as const;

/** Highest PLIC source number, the device tree's `riscv,ndev`. */
export const PLIC_SOURCES = 96;

/** Base clock of the UART in Hz; only the divisor latch's meaning depends on it. */
export const UART_CLOCK = 3_686_400;
