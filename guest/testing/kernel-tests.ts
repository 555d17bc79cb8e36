/**
 * Runs the kernel's test programs (guest/programs/tests): each is compiled, put into a boot archive as `init`, told by the entry
 * `.commands` which of its cases to run, and ends the machine with 0 if every check held. It prints what did not.
 */
import { join } from 'node:path';
import { MiB } from '../../emulator/addresses.ts';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import { compile } from '../../tools/compiler/compile.ts';
import { formatDiagnostic } from '../../tools/compiler/frontend/diagnostics.ts';
import type { ParseCache } from '../../tools/compiler/frontend/program.ts';
import { appendText, writeArchive } from '../../tools/guest/archive.ts';
import { Layouts, packageRoot } from '../../tools/guest/layouts.ts';
import { guestFile, System, type SystemOptions } from './system.ts';

const cache: ParseCache = new Map();
const programs = new Map<string, Uint8Array>();

/** The ELF of guest/programs/tests/`name`.ts. */
export function testProgram(name: string): Uint8Array {
  const known = programs.get(name);
  if (known) return known;
  const file = join(packageRoot(), 'guest', 'programs', 'tests', `${name}.ts`);
  const result = compile(file, { target: 'program', optimise: true, cache });
  if (!result.ok)
    throw new Error(result.diagnostics.map((d) => formatDiagnostic(d, (path) => path)).join('\n'));
  programs.set(name, result.elf);
  return result.elf;
}

/** A boot archive whose first program is the test program `name`, told `command`. */
export function testArchive(name: string, command: string): ImageFile {
  const layouts = Layouts.load();
  const archive = writeArchive([{ name: 'init', elf: testProgram(name) }], layouts, {
    name: 'kernel',
    elf: guestFile('kernel.elf').bytes,
  });
  return { name: 'archive.img', bytes: appendText(archive, '.commands', command, layouts) };
}

export interface Outcome {
  /** What the machine said at its end: 0 = every check held. */
  readonly code: number | undefined;
  readonly output: string;
}

/** A media of its own for a test. */
export const freshMedia = (): MemoryMedia => new MemoryMedia(16 * MiB);

/** Boots test program `name`, runs its case `command` to the end, at most `budget` instructions. */
export function runTest(
  name: string,
  command: string,
  options: SystemOptions & { budget?: number } = {},
): Outcome {
  const system = new System({
    quiet: true,
    media: options.media ?? freshMedia(),
    ...options,
    archive: testArchive(name, command),
  });
  const reason = system.run(options.budget ?? 100_000_000);
  return { code: reason.kind === 'exit' ? reason.code : undefined, output: system.output };
}
