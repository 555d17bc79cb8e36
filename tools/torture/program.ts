/**
 * What can be put to the test: a bare-metal program, or a guest program on the guest's kernel; and the computer that
 * runs it. Workload and recovery run on computers made here, alike in everything but the phase.
 */
import { createHash } from 'node:crypto';
import { MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { UserError } from '../../emulator/errors.ts';
import type { EngineFactory } from '../../emulator/machine/engine.ts';
import { dpa } from '../../emulator/nvdimm/dpa.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import { type TortureHost, tortureExtension } from './device.ts';
import { DEFAULT_FENCES, type FenceModel, separateFences } from './fences.ts';
import type { Schedule } from './schedule.ts';

/** The guest's part that is the same for all guest programs. */
export interface GuestSystem {
  readonly kernel: ImageFile;
  /** A boot archive whose `init` is the program under test. */
  readonly archive: ImageFile;
}

export interface Program {
  /** The program itself, with its symbols. */
  readonly elf: ImageFile;
  /** Present for guest programs. */
  readonly system?: GuestSystem;
  /** What the media hold at first; zeros by default. At most `nvdimm` bytes. */
  readonly media?: Uint8Array;
  /** Bytes of DRAM; default 16 MiB. */
  readonly memory?: number;
  /** Bytes of NVDIMM; default 1 MiB for bare-metal programs, 2 MiB for guest programs. */
  readonly nvdimm?: number;
  /** Harts of a bare-metal program; default 1. */
  readonly harts?: number;
  /** On several harts: which of them runs when; of a guest program: when its threads are preempted. */
  readonly schedule?: Schedule;
  /** Instructions that the workload, and each recovery, may take before it counts as hung; default 10 million. */
  readonly budget?: number;
  /** Whose fence completes whose write-backs; default `DEFAULT_FENCES`. */
  readonly fences?: FenceModel;
  /** Operations of a guest workload that asks how many; default: its own number. */
  readonly operations?: number;
  /** Let the power fail before the program says that it is ready, too. */
  readonly fromPowerOn?: boolean;
  /** Default: the translator for guest programs, the interpreter for bare-metal ones, which are short. */
  readonly engine?: EngineFactory;
}

export const DEFAULTS = { memory: 16 * MiB, budget: 10_000_000 } as const;
const NVDIMM_BARE = MiB;
const NVDIMM_GUEST = 2 * MiB;

export const memoryOf = (program: Program): number => program.memory ?? DEFAULTS.memory;
export const fencesOf = (program: Program): FenceModel => program.fences ?? DEFAULT_FENCES;
export const budgetOf = (program: Program): number => program.budget ?? DEFAULTS.budget;
export const nvdimmOf = (program: Program): number =>
  program.nvdimm ?? (program.system ? NVDIMM_GUEST : NVDIMM_BARE);

/** The first 8 hexadecimal digits of the SHA-256 of everything that runs, how often, and of the media's image. */
export function fingerprint({ elf, system, media, operations }: Program): string {
  const hash = createHash('sha256');
  if (system) hash.update(system.kernel.bytes).update(system.archive.bytes);
  else hash.update(elf.bytes);
  if (operations !== undefined) hash.update(`${operations} operations`);
  return hash
    .update(media ?? new Uint8Array())
    .digest('hex')
    .slice(0, 8);
}

/** Media of a program, each time fresh ones. */
function mediaOf(program: Program): MemoryMedia {
  const size = nvdimmOf(program);
  const media = new MemoryMedia(size);
  if (program.media) {
    if (program.media.length > size)
      throw new UserError(`torture: the media's image has ${program.media.length} bytes, the NVDIMM ${size}`);
    media.write(dpa(0), program.media);
  }
  return media;
}

export interface ComputerOptions {
  readonly host: TortureHost;
  readonly output: (text: string) => void;
  /** Record every store to the NVDIMM. */
  readonly recording: boolean;
  /** Recording: keep the stores that fences have completed, too. */
  readonly keepAll?: boolean;
}

/** A computer with the program loaded, at its first instruction, the NVDIMM read in and powered on. */
export function makeComputer(program: Program, options: ComputerOptions): Computer {
  const engine = program.engine ?? (program.system && ((memory) => new Translator(memory)));
  const computer = new Computer({
    memory: memoryOf(program),
    harts: program.harts ?? 1,
    seed: 0,
    uartOutput: (byte) => options.output(String.fromCharCode(byte)),
    nvdimm: {
      media: mediaOf(program),
      recording: options.recording,
      trackDeep: options.keepAll === true,
      writeThrough: false,
    },
    extensions: [tortureExtension(options.host, program.operations)],
    ...(engine && { engine }),
  });
  if (program.system) {
    const { kernel, archive } = program.system;
    computer.boot({ kernel, initrd: archive, append: 'quiet' });
  } else computer.boot({ kernel: program.elf, bare: true });
  if (fencesOf(program) === 'own') separateFences(computer, program.system !== undefined);
  const nvdimm = computer.nvdimm!;
  nvdimm.readAll();
  nvdimm.powerOn();
  return computer;
}
