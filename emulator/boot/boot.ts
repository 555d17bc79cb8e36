/**
 * Places firmware, kernel, initial RAM disk and device tree in memory and says how the harts begin, as QEMU's `virt`
 * does it:
 *
 *   firmware   an ELF where it says, a raw image at the start of DRAM; starts in M-mode at the start of DRAM
 *   kernel     an ELF where it says, a raw image at the next 2 MiB after the firmware (0x8020_0000 without one)
 *   initrd     half of memory, at most 128 MiB, above the kernel's entry
 *   DTB        at the last 2 MiB boundary that leaves room for it below 3 GiB and the end of DRAM
 *
 * Without firmware the kernel starts in S-mode and the machine answers SBI calls itself. A program that occupies the
 * start of DRAM takes firmware's place, so it starts in M-mode, as under `qemu -bios none`.
 */
import { GiB, MiB } from '../addresses.ts';
import { buildDeviceTree } from '../devices/device-tree.ts';
import { DYNAMIC_INFO_ADDRESS } from '../devices/rom.ts';
import type { VirtDevices } from '../devices/virt.ts';
import type { Device } from '../machine/bus.ts';
import { type BootState, DRAM_BASE } from '../machine/config.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import { type ImageFile, ImageLoader, type LoadedImage } from './image.ts';

/** What is to be booted. At least one of `firmware` and `kernel`. */
export interface BootFiles {
  /** Runs in M-mode at the start of DRAM. */
  readonly firmware?: ImageFile | undefined;
  readonly kernel?: ImageFile | undefined;
  /** The kernel runs in M-mode even if it does not lie at the start of DRAM. */
  readonly bare?: boolean | undefined;
  readonly initrd?: ImageFile | undefined;
  /** Kernel command line. */
  readonly append?: string | undefined;
}

/** The parts of the machine that booting concerns. */
export interface BootTarget {
  readonly memory: PhysicalMemory;
  readonly harts: number;
  readonly rom: VirtDevices['rom'];
  /** All devices, for the device tree. */
  readonly devices: readonly Device[];
  /** Seeds the tree's `rng-seed`. */
  readonly seed: number;
  /** Extensions of our own for the ISA string: `xa_xb`. */
  readonly isa?: string;
}

export interface Booted {
  readonly state: BootState;
  readonly images: readonly LoadedImage[];
  readonly dtb: Uint8Array;
}

const KERNEL_ALIGN = 2 * MiB;
const DTB_ALIGN = 2 * MiB;
/** A 32-bit kernel must be able to reach the device tree. */
const DTB_LIMIT = 3 * GiB;
const INITRD_OFFSET_LIMIT = 128 * MiB;
/** Where a raw kernel goes when no firmware lies below it: where QEMU's own firmware would end. */
const KERNEL_DEFAULT = DRAM_BASE + KERNEL_ALIGN;

/** Loads the files and fills the boot ROM. @throws UserError for files that do not fit. */
export function placeImages(target: BootTarget, files: BootFiles): Booted {
  const loader = new ImageLoader(target.memory);
  const firmware = files.firmware && loader.load(files.firmware, DRAM_BASE);
  const kernelAddress = firmware ? Math.ceil(firmware.end / KERNEL_ALIGN) * KERNEL_ALIGN : KERNEL_DEFAULT;
  const kernel = files.kernel && loader.load(files.kernel, files.bare ? DRAM_BASE : kernelAddress);
  if (!firmware && !kernel) throw new Error('nothing to boot');

  const dram = target.memory.regions[0]!;
  const initrd =
    files.initrd &&
    loader.loadRaw(files.initrd, (kernel ?? firmware!).entry + Math.min(dram.size / 2, INITRD_OFFSET_LIMIT));
  const dtb = buildDeviceTree({
    harts: target.harts,
    memory: dram,
    devices: target.devices,
    seed: target.seed,
    ...(target.isa !== undefined && { isa: target.isa }),
    ...(files.append !== undefined && { bootargs: files.append }),
    ...(initrd && { initrd }),
  });
  const top = Math.min(dram.base + dram.size, DTB_LIMIT);
  const dtbAddress = Math.floor((top - dtb.length) / DTB_ALIGN) * DTB_ALIGN;
  loader.loadRaw({ name: 'the device tree', bytes: dtb }, dtbAddress);

  const images = [firmware, kernel, initrd].filter((image) => image !== undefined);
  const first = firmware ?? kernel!;
  const machineMode = firmware !== undefined || files.bare === true || coversDramStart(first);
  if (!machineMode) {
    return { state: { entry: BigInt(first.entry), mode: 'supervisor', dtb: dtbAddress }, images, dtb };
  }
  // QEMU starts firmware at the start of DRAM whatever its entry point says; what lies elsewhere has only that.
  const start = coversDramStart(first) ? DRAM_BASE : first.entry;
  target.rom.load({ start, dtb: dtbAddress, next: kernel?.entry ?? 0 });
  const a2 = BigInt(DYNAMIC_INFO_ADDRESS);
  return { state: { entry: BigInt(start), mode: 'machine', dtb: dtbAddress, a2 }, images, dtb };
}

/** Whether an image has something at the start of DRAM, where firmware begins. */
export function coversDramStart(image: LoadedImage): boolean {
  return image.start <= DRAM_BASE && DRAM_BASE < image.end;
}
