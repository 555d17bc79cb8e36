/**
 * From what the user names to a program under test: an ELF file or raw image for the bare machine, an executable of the
 * guest, a source file of guest TypeScript, or the name of a workload of guest/torture.
 */
import { existsSync } from 'node:fs';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { UserError } from '../../emulator/errors.ts';
import { readProgram } from '../commands/machine-options.ts';
import { buildWorkloads, workloadNames } from '../guest/workloads.ts';
import { compileGuest, guestProgram, isGuestProgram } from './guest.ts';
import type { Program } from './program.ts';

/** @throws UserError when there is no such file or workload, or it cannot be put to the test */
export async function loadProgram(name: string, options: Omit<Program, 'elf' | 'system'>): Promise<Program> {
  if (!existsSync(name) && !/[./\\]/.test(name)) {
    const names = workloadNames();
    if (!names.includes(name)) {
      throw new UserError(`there is no file and no workload '${name}'; workloads: ${names.join(', ')}`);
    }
    const [bytes] = await buildWorkloads([name]);
    return guestProgram({ name: `${name}.elf`, bytes: bytes! }, options);
  }
  const elf: ImageFile = name.endsWith('.ts') ? await compileGuest(name) : readProgram(name, 'program');
  if (isGuestProgram(elf.bytes, elf.name)) return guestProgram(elf, options);
  if (name.endsWith('.ts'))
    throw new UserError(`${name}: has no function 'torture' (docs/torture.md, "A guest program")`);
  return { ...options, elf };
}
