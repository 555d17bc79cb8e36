/**
 * Opens what is to be debugged: the guest, a bare program, a saved state, or any computer that somebody else has set
 * up (a torture case), each with the programs whose symbols belong to it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MiB } from '../../emulator/addresses.ts';
import type { BootFiles } from '../../emulator/boot/boot.ts';
import { Computer, type ComputerOptions } from '../../emulator/boot/computer.ts';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { isElf } from '../../emulator/elf/reader.ts';
import { UserError } from '../../emulator/errors.ts';
import { readState, restoreState } from '../../emulator/machine/saved-state.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import type { NvdimmOptions } from '../../emulator/nvdimm/nvdimm.ts';
import { openPrivateNvdimm, privateNvdimm } from '../console/nvdimm-options.ts';
import { appendText } from '../guest/archive.ts';
import { guestOutput, Layouts } from '../guest/layouts.ts';
import { Debugger } from './debugger.ts';
import { Program } from './program.ts';
import { Transcript } from './transcript.ts';

/** A session and what the guest prints in it. */
export interface Opened {
  readonly debugged: Debugger;
  readonly console: Transcript;
}

export interface OpenOptions {
  readonly harts?: number;
  /** Bytes of DRAM. */
  readonly memory?: number;
  readonly seed?: number;
  /** Seconds since 1970 at the start. */
  readonly startSeconds?: number;
  /** Image file of the NVDIMM. It is read, never written. */
  readonly nvdimm?: string | undefined;
  /** Bytes of a new NVDIMM, where there is no file. */
  readonly size?: number | undefined;
  /** Further ELF files whose programs run from objects. */
  readonly symbols?: readonly string[];
}

const GUEST_MEMORY = 256 * MiB;
const GUEST_NVDIMM = 64 * MiB;

const readFile = (path: string): ImageFile => {
  try {
    return { name: path, bytes: new Uint8Array(readFileSync(path)) };
  } catch (error) {
    throw new UserError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
};

/** A name for people: without folder and ending. */
const nameOf = (path: string): string => basename(path).replace(/\.elf$/, '');

const programOf = (file: ImageFile): Program => new Program(nameOf(file.name), file.bytes);

/** The NVDIMM as the debugger has it: a private copy, whose stores can be recorded. */
function nvdimmPart(
  { nvdimm: path, size }: OpenOptions,
  fallback?: number,
): Omit<NvdimmOptions, 'harts'> | undefined {
  if (path !== undefined && (existsSync(path) || size === undefined))
    return openPrivateNvdimm({ nvdimm: path, persistence: 'mem-ctrl' })!.options;
  const bytes = size ?? fallback;
  return bytes === undefined ? undefined : privateNvdimm(new MemoryMedia(bytes));
}

/** The guest's programs that run from objects. */
function guestPrograms(extra: readonly string[] = []): Program[] {
  const folder = guestOutput();
  const files = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.elf') && name !== 'kernel.elf')
        .sort()
        .map((name) => join(folder, name))
    : [];
  return [...files, ...extra].map((path) => programOf(readFile(path)));
}

function guestFile(name: string): ImageFile {
  const path = join(guestOutput(), name);
  if (!existsSync(path)) throw new UserError(`${path} is missing: build the guest with 'npm run build'`);
  return readFile(path);
}

const layoutsIfBuilt = (): Layouts | undefined =>
  existsSync(join(guestOutput(), 'layouts.json')) ? Layouts.load() : undefined;

/** Makes a computer whose console goes into a transcript. */
function computerWith(options: Partial<ComputerOptions>, transcript: Transcript): Computer {
  return new Computer({
    seed: 0,
    engine: (memory) => new Translator(memory),
    uartOutput: (byte) => transcript.put(byte),
    ...options,
  });
}

const shared = (options: OpenOptions): Partial<ComputerOptions> => {
  const { harts, memory, seed, startSeconds } = options;
  return {
    ...(harts !== undefined && { harts }),
    ...(memory !== undefined && { memory }),
    ...(seed !== undefined && { seed }),
    ...(startSeconds !== undefined && { startSeconds }),
  };
};

function opened(computer: Computer, console: Transcript, fixed: Program[], objects: Program[]): Opened {
  const debugged = new Debugger({ computer, fixed, objects, layouts: layoutsIfBuilt() });
  console.attach(debugged.time);
  return { debugged, console };
}

/**
 * The guest, before its first instruction.
 * @param commands shell commands that it runs by itself, as `boot --exec`
 */
export function openGuest(options: OpenOptions & { readonly commands?: string | undefined } = {}): Opened {
  const console = new Transcript();
  const nvdimm = nvdimmPart(options, GUEST_NVDIMM)!;
  const computer = computerWith({ memory: GUEST_MEMORY, ...shared(options), nvdimm }, console);
  const kernel = guestFile('kernel.elf');
  const archive = guestFile('archive.img');
  const { commands } = options;
  const initrd =
    commands === undefined
      ? archive
      : { name: archive.name, bytes: appendText(archive.bytes, '.commands', commands, Layouts.load()) };
  computer.boot({ kernel, initrd, append: commands === undefined ? '' : 'quiet' });
  computer.nvdimm!.powerOn();
  return opened(computer, console, [programOf(kernel)], guestPrograms(options.symbols));
}

/** Firmware, kernels and bare programs, as `licorice run` starts them. */
export function openFiles(files: BootFiles, options: OpenOptions = {}): Opened {
  const console = new Transcript();
  const nvdimm = nvdimmPart(options);
  const computer = computerWith({ ...shared(options), ...(nvdimm && { nvdimm }) }, console);
  computer.boot(files);
  computer.nvdimm?.powerOn();
  const fixed = [files.firmware, files.kernel].filter((file) => file !== undefined && isElf(file.bytes));
  return opened(
    computer,
    console,
    fixed.map((file) => programOf(file!)),
    (options.symbols ?? []).map((path) => programOf(readFile(path))),
  );
}

/**
 * A saved state (`licorice run --save`, or what the kernel's panic leaves). Its past is not known: time begins there.
 * @param fixed ELF files of what runs where it was linked; by default the guest's kernel
 */
export function openState(path: string, fixed: readonly string[] = [], options: OpenOptions = {}): Opened {
  const console = new Transcript();
  const saved = readState(readFile(path).bytes, path);
  const { shape } = saved;
  const nvdimm = shape.nvdimm && {
    ...privateNvdimm(new MemoryMedia(shape.nvdimm.size)),
    ...(!hasRecording(saved.fields) && { recording: false }),
  };
  const computer = computerWith(
    { harts: shape.harts, memory: shape.memory, ...(nvdimm && { nvdimm }) },
    console,
  );
  restoreState(computer.machine, saved, path);
  const programs =
    fixed.length > 0
      ? fixed.map(readFile)
      : existsSync(join(guestOutput(), 'kernel.elf'))
        ? [guestFile('kernel.elf')]
        : [];
  return opened(computer, console, programs.map(programOf), guestPrograms(options.symbols));
}

/** Whether a state was saved with the NVDIMM's stores recorded. */
function hasRecording(fields: { readonly [name: string]: unknown }): boolean {
  return JSON.stringify(
    Object.keys(Object(Object(Object(Object(fields)['parts'])['devices'])['nvdimm-media'])),
  ).includes('"engine"');
}

/**
 * A computer that somebody else has booted from files, with the symbols that these have; the guest's programs if they are built.
 * @param console where its output goes, if it is put there
 */
export function openWithFiles(
  computer: Computer,
  files: BootFiles | undefined,
  console = new Transcript(),
): Opened {
  const fixed = [files?.firmware, files?.kernel].filter((file) => file !== undefined && isElf(file.bytes));
  const programs = fixed.map((file) => programOf(file!));
  const isOurs = programs.some((program) => program.symbolNamed('trapFromUser') !== undefined);
  const objects = isOurs ? guestPrograms() : [];
  return openComputer(computer, { fixed: programs, objects }, undefined, console);
}

/**
 * A computer that somebody else has set up, at instruction `at` of its run: what a torture case opens.
 * @param console where its output goes, if it was given to the computer's `uartOutput`
 */
export function openComputer(
  computer: Computer,
  programs: { readonly fixed: readonly Program[]; readonly objects?: readonly Program[] },
  at?: number,
  console = new Transcript(),
): Opened {
  const result = opened(computer, console, [...programs.fixed], [...(programs.objects ?? [])]);
  if (at !== undefined) result.debugged.time.goTo(at);
  result.debugged.changed();
  return result;
}
