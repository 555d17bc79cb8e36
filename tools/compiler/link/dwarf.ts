/** Debugging information, DWARF 5, for the code and data of a module. */
import type { Global, Module, Sym } from '../ir/ir.ts';
import type { CompiledFunc } from '../riscv/emit.ts';
import type { ObjectSection, ObjectSymbol } from './object.ts';

export function writeDwarf(
  _module: Module,
  _funcs: readonly CompiledFunc[],
  _globals: readonly Global[],
  _symbolOf: (sym: Sym) => ObjectSymbol,
): ObjectSection[] {
  return [];
}
