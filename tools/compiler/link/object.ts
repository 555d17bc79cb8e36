/**
 * An object file in memory: sections with relocations, and symbols. The code generator makes one from a module, the ELF
 * reader one from a `.o` of another compiler; the linker joins them and the ELF writer saves them.
 */
import { SHF, SHT, STB, STT } from '../../../emulator/elf/constants.ts';

export class ObjectSymbol {
  /** Undefined for a symbol that another file defines. */
  section: ObjectSection | undefined;
  /** Offset in the section, or the value of an absolute symbol. */
  value = 0;
  size = 0;
  /** An `STB`. */
  binding: number = STB.LOCAL;
  /** An `STT`. */
  type: number = STT.NOTYPE;
  isAbsolute = false;
  /** For a symbol without a place yet (`SHN_COMMON`): its alignment. */
  commonAlign = 0;

  constructor(readonly name: string) {}

  get isDefined(): boolean {
    return this.section !== undefined || this.isAbsolute;
  }
}

export interface ObjectReloc {
  readonly offset: number;
  /** An `R_RISCV`. */
  readonly type: number;
  readonly symbol: ObjectSymbol;
  readonly addend: number;
}

/** Name of the symbols at the upper halves of addresses; disassemblers know it as one not to show. */
export const ANCHOR_NAME = '.L0 ';

/** What a listing says beside the code of a section. */
export interface SectionListing {
  /** Offsets of words that are no instructions: entries of jump tables. */
  readonly words: number[];
  /** Where the code of a source line begins. */
  readonly lines: { readonly offset: number; readonly file: string; readonly line: number }[];
}

export class ObjectSection {
  data = new Uint8Array(0);
  /** Bytes in memory; more than `data` has for a section of zeros. */
  size = 0;
  relocs: ObjectReloc[] = [];
  /** Set by the linker. */
  address = 0n;
  listing: SectionListing | undefined;

  constructor(
    readonly name: string,
    /** An `SHT`. */
    readonly type: number,
    /** `SHF` bits. */
    readonly flags: number,
    public align: number,
  ) {}
}

export class ObjectFile {
  sections: ObjectSection[] = [];
  symbols: ObjectSymbol[] = [];

  constructor(
    /** What messages call it. */
    readonly name: string,
  ) {}
}

/** Type and flags of a section, by the conventions for its name. */
export function sectionKind(
  name: string,
  isCode: boolean,
  isConst: boolean,
): { type: number; flags: number } {
  const type = name === '.bss' || name.startsWith('.bss.') ? SHT.NOBITS : SHT.PROGBITS;
  let flags: number = SHF.ALLOC;
  if (isCode) flags |= SHF.EXECINSTR;
  else if (!isConst) flags |= SHF.WRITE;
  return { type, flags };
}
