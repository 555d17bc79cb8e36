/**
 * Guest programs under test: a program with a function `torture` beside `main` becomes the first program of a system
 * that has no other. `main` is diverted to `torture`: the program is linked already, and starts like every other.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { PT } from '../../emulator/elf/constants.ts';
import { type ElfSymbol, isElf, readElf } from '../../emulator/elf/reader.ts';
import { UserError } from '../../emulator/errors.ts';
import { writeArchive } from '../guest/archive.ts';
import { guestOutput, Layouts } from '../guest/layouts.ts';
import type { GuestSystem, Program } from './program.ts';

/** The function that the tester calls. */
const ENTRY = 'torture';

/** True for an executable of the guest (linked for an object), rather than for the bare machine. */
export function isGuestProgram(bytes: Uint8Array, name: string): boolean {
  if (!isElf(bytes)) return false;
  return readElf(bytes, name).symbols.some(({ name: symbol }) => symbol === ENTRY);
}

/** Compiles a guest program. @throws UserError that lists what the compiler found */
export async function compileGuest(file: string): Promise<ImageFile> {
  const { compile } = await import('../compiler/compile.ts');
  const { formatDiagnostic } = await import('../compiler/frontend/diagnostics.ts');
  const result = compile(file, { target: 'program', optimise: true });
  if (!result.ok) {
    const lines = result.diagnostics.map((d) => formatDiagnostic(d, (path) => path));
    throw new UserError(`the program does not compile:\n${lines.join('\n')}`);
  }
  return { name: basename(file), bytes: result.elf };
}

/** The program that puts an executable of the guest to the test. */
export function guestProgram(elf: ImageFile, options: Omit<Program, 'elf' | 'system'> = {}): Program {
  return { ...options, elf, system: systemFor(elf) };
}

function systemFor(elf: ImageFile): GuestSystem {
  const folder = guestOutput();
  const init = { name: 'init', elf: divertedToTorture(elf) };
  return {
    kernel: { name: 'kernel.elf', bytes: readFileSync(join(folder, 'kernel.elf')) },
    archive: { name: 'archive', bytes: writeArchive([init], Layouts.load()) },
  };
}

/** auipc t1, high; jalr x0, low(t1) */
const AUIPC_T1 = 0x0000_0317;
const JALR_T1 = 0x0003_0067;

/** The executable as the tester runs it: with a jump to `torture` in place of `main`'s first instructions. */
export function divertedToTorture({ name, bytes }: ImageFile): Uint8Array {
  const copy = bytes.slice();
  const elf = readElf(copy, name);
  const find = (wanted: string): ElfSymbol => {
    const symbol = elf.symbols.find((one) => one.name === wanted);
    if (symbol === undefined) throw new UserError(`${name}: there is no function '${wanted}' in it`);
    return symbol;
  };
  const main = find('main');
  const distance = Number(find(ENTRY).value - main.value);
  const segment = elf.segments.find(
    ({ type, vaddr, data }) =>
      type === PT.LOAD && main.value >= vaddr && main.value + 8n <= vaddr + BigInt(data.length),
  );
  if (segment === undefined) throw new UserError(`${name}: 'main' is in no segment`);
  const view = new DataView(
    segment.data.buffer,
    segment.data.byteOffset + Number(main.value - segment.vaddr),
  );
  const high = (distance + 0x800) & ~0xfff;
  view.setInt32(0, high | AUIPC_T1, true);
  view.setInt32(4, ((distance - high) << 20) | JALR_T1, true);
  return copy;
}
