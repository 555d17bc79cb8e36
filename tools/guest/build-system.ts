/**
 * Builds the guest into dist/guest: the kernel, every program of guest/programs (as an ELF with its symbols, and all together
 * as the boot archive), and the layouts that host tools need. Run by the package's build.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { UserError } from '../../emulator/errors.ts';
import { compile, type Target } from '../compiler/compile.ts';
import { formatDiagnostic } from '../compiler/frontend/diagnostics.ts';
import type { ParseCache } from '../compiler/frontend/program.ts';
import { type ArchiveProgram, writeArchive } from './archive.ts';
import { Layouts, readLayouts } from './layouts.ts';

/** Builds everything below `root`/guest; throws a `UserError` that lists what the compiler found. */
export async function buildSystem(root: string): Promise<void> {
  const guest = join(root, 'guest');
  const out = join(root, 'dist', 'guest');
  mkdirSync(out, { recursive: true });
  const cache: ParseCache = new Map();
  const build = (file: string, target: Target): Uint8Array => {
    const result = compile(join(guest, file), { target, optimise: true, cache });
    if (result.ok) return result.elf;
    const lines = result.diagnostics.map((d) => formatDiagnostic(d, (path) => relative(root, path)));
    throw new UserError(`the guest does not compile:\n${lines.join('\n')}`);
  };
  const layouts = await readLayouts(guest);
  writeFileSync(join(out, 'layouts.json'), JSON.stringify(layouts));
  writeFileSync(join(out, 'kernel.elf'), build('kernel/boot.ts', 'kernel'));
  const programs: ArchiveProgram[] = [];
  for (const file of readdirSync(join(guest, 'programs')).sort()) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const name = file.slice(0, -3);
    const elf = build(join('programs', file), 'program');
    writeFileSync(join(out, `${name}.elf`), elf);
    programs.push({ name, elf });
  }
  writeFileSync(join(out, 'archive.img'), writeArchive(programs, new Layouts(layouts)));
}
