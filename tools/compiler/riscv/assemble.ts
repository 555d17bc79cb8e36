/** Assembles inline assembly and naked functions, and hands their references to symbols over as relocations. */
import { assemble } from '../../../emulator/cpu/isa/assembler/assembler.ts';
import { RELOCATION } from '../../../emulator/cpu/isa/assembler/fixups.ts';
import { UserError } from '../../../emulator/errors.ts';
import type { Sym } from '../ir/ir.ts';
import type { CodeReloc, FinishedCode } from './code.ts';

const TEXT = '.text';

export interface AssembledCode extends FinishedCode {
  /** Labels that are declared `.globl`, with their offsets. */
  readonly globals: readonly { readonly name: string; readonly offset: number }[];
}

/**
 * Machine code of `text` (GNU syntax, one section). `find` gives the symbol for a name that the text does not define.
 * @param place what messages call the text: "file:line"
 */
export function assembleText(text: string, place: string, find: (name: string) => Sym): AssembledCode {
  const object = assemble(text, { file: place });
  const section = object.sections.find(({ name }) => name === TEXT);
  const other = object.sections.find(({ name, size }) => name !== TEXT && size > 0);
  if (other !== undefined)
    throw new UserError(`${place}: section ${other.name} cannot be chosen here; use @section`);
  const own = new Map(object.symbols.map((symbol) => [symbol.name, symbol]));
  const relocs = object.relocations.map((fixup): CodeReloc => {
    const type = RELOCATION[fixup.type];
    if (fixup.type === 'R_RISCV_PCREL_LO12_I' || fixup.type === 'R_RISCV_PCREL_LO12_S') {
      // It names the AUIPC by a label of the text.
      const anchor = own.get(fixup.symbol);
      return { offset: fixup.offset, type, sym: undefined, addend: Number(anchor?.value ?? 0n) };
    }
    return { offset: fixup.offset, type, sym: find(fixup.symbol), addend: Number(fixup.addend) };
  });
  const globals = object.symbols
    .filter((symbol) => symbol.binding === 'global' && symbol.section === TEXT)
    .map(({ name, value }) => ({ name, offset: Number(value) }));
  return { globals, bytes: section?.bytes ?? new Uint8Array(0), relocs };
}
