/** Guest programs that tests write down themselves. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { compileGuest, guestProgram } from './guest.ts';
import type { Program } from './program.ts';

const LIBRARY = new URL('../../guest/libtwz', import.meta.url).pathname;

/** A folder of guest programs, until `remove`. */
export class GuestFolder {
  private readonly folder = mkdtempSync(join(tmpdir(), 'licorice-torture-'));

  /** @param text guest TypeScript, in which `LIB` is the library's folder */
  async program(name: string, text: string, options: Omit<Program, 'elf' | 'system'> = {}): Promise<Program> {
    const file = join(this.folder, `${name}.ts`);
    writeFileSync(file, text.replaceAll('LIB', relative(this.folder, LIBRARY)));
    return guestProgram(await compileGuest(file), options);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The number (from 1) of the first line that contains a text. */
export function lineOf(text: string, part: string): number {
  const index = text.split('\n').findIndex((line) => line.includes(part));
  if (index < 0) throw new Error(`no line has '${part}'`);
  return index + 1;
}
