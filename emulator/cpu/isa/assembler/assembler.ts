/**
 * The assembler: text in the syntax of GNU as (the part of it that compilers and people use for RISC-V) to sections,
 * symbols and relocations. Distances within a section are resolved here, the rest is left to a linker, or to
 * `assembleFlat` for code that stands alone. There is no linker relaxation: sizes are final as written.
 */
import { type AssembledObject, Assembler } from './assembly.ts';
import { applyFixup, type Fixup } from './fixups.ts';
import { assemblyError, parseSource } from './source.ts';

export type { AssembledObject, AssembledSection, AssembledSymbol } from './assembly.ts';

export interface AssemblerOptions {
  /** Name in messages. */
  readonly file?: string;
  /** Start with 16-bit encodings allowed (as after `.option rvc`). Default true. */
  readonly compress?: boolean;
}

/** Assembles a whole source text. @throws UserError "file:line: …" */
export function assemble(text: string, options: AssemblerOptions = {}): AssembledObject {
  const file = options.file ?? '<assembly>';
  const assembler = new Assembler(file, options.compress ?? true);
  for (const statement of parseSource(text, file)) assembler.assemble(statement);
  return assembler.finish();
}

/** A program placed in memory. */
export interface FlatProgram {
  readonly bytes: Uint8Array;
  readonly base: bigint;
  /** Addresses. */
  readonly symbols: ReadonlyMap<string, bigint>;
}

/** Assembles a program that stands alone and places its sections one after another from `base` on. */
export function assembleFlat(text: string, base: bigint, options: AssemblerOptions = {}): FlatProgram {
  const object = assemble(text, options);
  const starts = new Map<string, bigint>();
  let end = base;
  for (const section of object.sections) {
    const align = BigInt(section.align);
    end = ((end + align - 1n) / align) * align;
    starts.set(section.name, end);
    end += BigInt(section.size);
  }
  const bytes = new Uint8Array(Number(end - base));
  const view = new DataView(bytes.buffer);
  for (const section of object.sections) {
    if (!section.noBits) bytes.set(section.bytes, Number(starts.get(section.name)! - base));
  }
  const symbols = new Map<string, bigint>();
  for (const symbol of object.symbols) {
    symbols.set(
      symbol.name,
      symbol.value + (symbol.section === undefined ? 0n : starts.get(symbol.section)!),
    );
  }
  const addressOf = (fixup: Fixup): bigint => {
    const address = symbols.get(fixup.symbol);
    if (address === undefined) throw assemblyError(fixup.place, `${fixup.symbol} is not defined`);
    return address;
  };
  for (const fixup of object.relocations) {
    const start = starts.get(fixup.section)!;
    const placed: Fixup = { ...fixup, offset: Number(start - base) + fixup.offset };
    let target = addressOf(fixup) + fixup.addend;
    if (fixup.type.startsWith('R_RISCV_PCREL_LO12')) {
      const high = object.relocations.find(
        (other) =>
          other.type === 'R_RISCV_PCREL_HI20' &&
          starts.get(other.section)! + BigInt(other.offset) === addressOf(fixup),
      );
      if (!high) throw assemblyError(fixup.place, `there is no %pcrel_hi at ${fixup.symbol}`);
      target = addressOf(high) + high.addend - (starts.get(high.section)! + BigInt(high.offset));
    }
    applyFixup(view, placed, target, base + BigInt(placed.offset));
  }
  return { bytes, base, symbols };
}
