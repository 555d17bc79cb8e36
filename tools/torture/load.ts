/**
 * From what the user names to a program under test: an ELF file or raw image for the bare machine, an executable of the
 * guest, a source file of guest TypeScript, or the name of a workload that the build made.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { UserError } from '../../emulator/errors.ts';
import { readImage } from '../commands/machine-options.ts';
import { guestOutput } from '../guest/layouts.ts';
import { compileGuest, guestProgram, isGuestProgram } from './guest.ts';
import type { Program } from './program.ts';

const workloadFolder = (): string => join(guestOutput(), 'torture');

/** Names of the workloads that the build made. */
export function shippedWorkloads(): string[] {
  const folder = workloadFolder();
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.elf'))
    .map((file) => file.slice(0, -'.elf'.length))
    .sort();
}

/** @throws UserError when there is no such file or workload, or it cannot be put to the test */
export async function loadProgram(name: string, options: Omit<Program, 'elf' | 'system'>): Promise<Program> {
  if (!existsSync(name) && !/[./\\]/.test(name)) {
    const shipped = join(workloadFolder(), `${name}.elf`);
    if (existsSync(shipped)) return guestProgram(readImage(shipped, 'workload'), options);
    throw new UserError(
      `there is no file and no workload '${name}'; workloads: ${shippedWorkloads().join(', ') || 'none were built'}`,
    );
  }
  const elf: ImageFile = name.endsWith('.ts') ? await compileGuest(name) : readImage(name, 'program');
  if (isGuestProgram(elf.bytes, elf.name)) return guestProgram(elf, options);
  if (name.endsWith('.ts'))
    throw new UserError(`${name}: has no function 'torture' (docs/torture.md, "A guest program")`);
  return { ...options, elf };
}
