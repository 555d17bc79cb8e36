/**
 * Guest programs that only tests run (guest/workloads): compiled when a test asks, and put into a boot archive in the place of the
 * shell, so that `init` recovers what a power failure left and then runs just this program.
 */
import { join } from 'node:path';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { compile } from '../../tools/compiler/compile.ts';
import { formatDiagnostic } from '../../tools/compiler/frontend/diagnostics.ts';
import { appendText, writeArchive } from '../../tools/guest/archive.ts';
import { Layouts } from '../../tools/guest/layouts.ts';
import { guestFile } from './system.ts';

/** A compiled workload; `archive` makes the boot archive that runs it with the given text as its second argument. */
export class Workload {
  private readonly bytes: Uint8Array;
  private readonly layouts = Layouts.load();

  /** @param name file of guest/workloads, without `.ts` */
  constructor(name: string) {
    const file = join(import.meta.dirname, '..', 'workloads', `${name}.ts`);
    const result = compile(file, { target: 'program', optimise: true });
    if (!result.ok) {
      throw new Error(result.diagnostics.map((d) => formatDiagnostic(d, (path) => path)).join('\n'));
    }
    const programs = [
      { name: 'init', elf: guestFile('init.elf').bytes },
      { name: 'sh', elf: result.elf },
    ];
    this.bytes = writeArchive(programs, this.layouts);
  }

  archive(text: string): ImageFile {
    return { name: 'workload', bytes: appendText(this.bytes, '.commands', text, this.layouts) };
  }
}
