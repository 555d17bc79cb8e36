/**
 * Opens a case of `licorice torture` by its seed: the workload at the place of interest, just before the first store that the
 * failure loses, or the machine that comes up after the failure.
 */
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { isElf } from '../../emulator/elf/reader.ts';
import { divertedToTorture } from '../torture/guest.ts';
import { loadProgram } from '../torture/load.ts';
import { openCase, openRecovery } from '../torture/open.ts';
import { type Opened, openComputer } from './open.ts';
import { Program } from './program.ts';
import { Transcript } from './transcript.ts';

/** @throws UserError when the seed is not one, or not of this program */
export async function openTortureCase(seed: string, path: string, recovery: boolean): Promise<Opened> {
  const program = {
    ...(await loadProgram(path, {})),
    engine: (memory: ConstructorParameters<typeof Translator>[0]) => new Translator(memory),
  };
  const transcript = new Transcript();
  const output = (text: string): void => {
    for (const byte of Buffer.from(text, 'latin1')) transcript.put(byte);
  };
  // In an object a program is known by its code.
  const bytes = program.system ? divertedToTorture(program.elf) : program.elf.bytes;
  const own = isElf(bytes) ? [new Program('program', bytes)] : [];
  const kernel = program.system ? [new Program('kernel', program.system.kernel.bytes)] : [];
  const programs = program.system ? { fixed: kernel, objects: own } : { fixed: own };
  if (recovery) return openComputer(openRecovery(program, seed, output), programs, undefined, transcript);
  const { computer, at, failure } = openCase(program, seed, output);
  const opened = openComputer(computer, programs, at, transcript);
  opened.debugged.marks.set('failure', failure);
  return opened;
}
