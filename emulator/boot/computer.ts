/**
 * A whole computer: a machine with the devices of QEMU's `virt`, its extensions, and the images it boots. What
 * every front end (console, debugger, torture, tests) starts from.
 */
import type { PAddr } from '../addresses.ts';
import { makeVirtDevices, type VirtDevices, type VirtOptions } from '../devices/virt.ts';
import { DEFAULT_MEMORY, DRAM_BASE } from '../machine/config.ts';
import type { EngineFactory } from '../machine/engine.ts';
import { Machine, type MachineExtension } from '../machine/machine.ts';
import { type NvdimmExtension, nvdimmBase, nvdimmExtension } from '../machine/nvdimm.ts';
import { XTWZ_ISA, xtwzExtension } from '../machine/xtwz.ts';
import type { Media } from '../nvdimm/media.ts';
import type { Nvdimm, NvdimmOptions } from '../nvdimm/nvdimm.ts';
import { type Booted, type BootFiles, placeImages } from './boot.ts';

export interface ComputerOptions extends VirtOptions {
  /** 1–8; default 1. */
  readonly harts?: number;
  /** Bytes of DRAM; default 128 MiB. */
  readonly memory?: number;
  readonly engine?: EngineFactory;
  /** An NVDIMM with these media. */
  readonly nvdimm?: Omit<NvdimmOptions, 'harts'>;
  /** Xtwz, on by default. Without, the computer is the one that QEMU has. */
  readonly xtwz?: boolean;
  /** Further parts, attached last. */
  readonly extensions?: readonly MachineExtension[];
}

export class Computer {
  readonly machine: Machine;
  readonly devices: VirtDevices;
  private readonly options: ComputerOptions;
  private readonly nvdimmPart: NvdimmExtension | undefined;
  private bootFiles: BootFiles | undefined;

  /** @throws UserError for sizes that are not possible */
  constructor(options: ComputerOptions) {
    this.options = options;
    const memory = options.memory ?? DEFAULT_MEMORY;
    const media: Media | undefined = options.nvdimm?.media;
    this.nvdimmPart = options.nvdimm && nvdimmExtension(options.nvdimm);
    const extensions: MachineExtension[] = [];
    if (options.xtwz !== false) extensions.push(xtwzExtension());
    if (this.nvdimmPart) extensions.push(this.nvdimmPart);
    extensions.push(...(options.extensions ?? []));
    let devices: VirtDevices | undefined;
    this.machine = new Machine(
      {
        harts: options.harts ?? 1,
        memory,
        ...(options.engine && { engine: options.engine }),
        ...(media && { nvdimm: { base: nvdimmBase(DRAM_BASE + memory), size: media.size } }),
        devices: (host) => {
          devices = makeVirtDevices(host, options);
          return devices.all;
        },
      },
      extensions,
    );
    if (devices === undefined) throw new Error('the machine made no devices');
    this.devices = devices;
  }

  /** The NVDIMM, if there is one. */
  get nvdimm(): Nvdimm | undefined {
    return this.nvdimmPart?.nvdimm;
  }

  /** Loads the images and puts the harts at their beginning. @throws UserError for files that do not fit */
  boot(files: BootFiles): Booted {
    this.bootFiles = files;
    const { machine } = this;
    const booted = placeImages(
      {
        memory: machine.memory,
        harts: machine.cores.length,
        rom: this.devices.rom,
        devices: machine.bus.devices,
        seed: this.options.seed,
        ...(this.options.xtwz !== false && { isa: XTWZ_ISA }),
      },
      files,
    );
    machine.boot(booted.state);
    return booted;
  }

  /** Whether it knows what to start again after a reset. */
  get bootable(): boolean {
    return this.bootFiles !== undefined;
  }

  /** Starts again from power-on, as after a reset that the guest asked for. Memory that no image fills is kept. */
  reboot(): void {
    if (!this.bootFiles) throw new Error('nothing was booted yet');
    this.machine.reset();
    this.boot(this.bootFiles);
  }
}

/** Where the NVDIMM of a computer with so much DRAM lies. */
export const nvdimmAddress = (memory: number): PAddr => nvdimmBase(DRAM_BASE + memory);
