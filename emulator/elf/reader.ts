/**
 * Reads ELF64 files for RISC-V: header, program headers, sections, symbols, relocations. Everything that the file
 * claims is checked against the file before it is used, so a damaged or hostile file ends in a `UserError` of one
 * line that names the file and the field, never in a wrong read. Addresses are unsigned 64-bit `bigint`s as the
 * file has them; file offsets and sizes are numbers, because they lie inside the file.
 */
import { UserError } from '../errors.ts';
import {
  EF,
  EHDR,
  EHDR_SIZE,
  ELF_MAGIC,
  ELFCLASS32,
  ELFCLASS64,
  ELFDATA2LSB,
  EM_RISCV,
  ET,
  EV_CURRENT,
  MACHINE_NAMES,
  PHDR,
  PHDR_SIZE,
  PT,
  RELA,
  RELA_SIZE,
  SHDR,
  SHDR_SIZE,
  SHN,
  SHT,
  SYM,
  SYM_SIZE,
} from './constants.ts';

/** A program header whose file range lies in the file. */
export interface ElfSegment {
  readonly type: number;
  /** `PF` bits. */
  readonly flags: number;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  /** Where the bytes begin in the file. */
  readonly offset: bigint;
  /** The bytes in the file, a view. */
  readonly data: Uint8Array;
  /** Bytes in memory; at least `data.length` for `PT.LOAD`. */
  readonly memorySize: bigint;
}

/** A section whose bytes, if it has any, lie in the file. */
export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  /** `SHF` bits. */
  readonly flags: bigint;
  readonly address: bigint;
  readonly size: bigint;
  /** The bytes in the file, a view; empty for `SHT.NOBITS`. */
  readonly data: Uint8Array;
  readonly link: number;
  readonly info: number;
  readonly align: bigint;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: bigint;
  readonly size: bigint;
  /** An `STB`. */
  readonly binding: number;
  /** An `STT`. */
  readonly type: number;
  /** Section index, or an `SHN`. */
  readonly section: number;
}

export interface ElfRelocation {
  readonly offset: bigint;
  /** An `R_RISCV`. */
  readonly type: number;
  /** Index into the symbol table. */
  readonly symbol: number;
  readonly addend: bigint;
}

/** A validated file. */
export interface ElfFile {
  /** What messages call it, usually its path. */
  readonly name: string;
  /** An `ET`. */
  readonly type: number;
  readonly entry: bigint;
  /** `EF` bits. */
  readonly flags: number;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  /** Symbols of the symbol table in file order, index 0 included; empty for a stripped file. */
  readonly symbols: readonly ElfSymbol[];
}

/** Whether the bytes begin like an ELF file of any kind. */
export function isElf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
  );
}

/**
 * Parses and validates an ELF64 RISC-V file. `name` is what messages call it. The result holds views of `bytes`.
 * @throws UserError for anything malformed or not meant for this machine.
 */
export function readElf(bytes: Uint8Array, name: string): ElfFile {
  const file = new Bytes(bytes, name);
  checkIdentity(file);
  const type = file.u16(EHDR.type);
  const sections = readSections(file);
  return {
    name,
    type,
    entry: file.u64(EHDR.entry),
    flags: file.u32(EHDR.flags),
    segments: readSegments(file),
    sections,
    symbols: readSymbols(file, sections),
  };
}

/** The relocations of a `SHT.RELA` section. */
export function readRelocations(elf: ElfFile, section: ElfSection): ElfRelocation[] {
  const table = new Bytes(section.data, elf.name);
  if (section.data.length % RELA_SIZE !== 0) {
    table.fail(`relocation section '${section.name}' is not a whole number of entries long`);
  }
  const relocations: ElfRelocation[] = [];
  for (let at = 0; at < section.data.length; at += RELA_SIZE) {
    const info = table.u64(at + RELA.info);
    const symbol = Number(info >> 32n);
    if (symbol >= Math.max(elf.symbols.length, 1)) {
      table.fail(`a relocation in '${section.name}' names symbol ${symbol} of ${elf.symbols.length}`);
    }
    relocations.push({
      offset: table.u64(at + RELA.offset),
      type: Number(info & 0xffffffffn),
      symbol,
      addend: BigInt.asIntN(64, table.u64(at + RELA.addend)),
    });
  }
  return relocations;
}

/** Bounded little-endian reads with an error that names the file. */
class Bytes {
  readonly view: DataView;
  constructor(
    readonly bytes: Uint8Array,
    readonly name: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(what: string): never {
    throw new UserError(`${this.name}: ${what}`);
  }

  u8(at: number): number {
    return this.view.getUint8(at);
  }
  u16(at: number): number {
    return this.view.getUint16(at, true);
  }
  u32(at: number): number {
    return this.view.getUint32(at, true);
  }
  u64(at: number): bigint {
    return this.view.getBigUint64(at, true);
  }

  /** The view [offset, offset + size), or an error that says which part reaches past the end of the file. */
  slice(offset: bigint, size: bigint, what: string): Uint8Array {
    const end = offset + size;
    if (end > BigInt(this.bytes.length)) {
      this.fail(
        `${what} lies at file bytes 0x${offset.toString(16)} to 0x${end.toString(16)}, ` +
          `but the file has only 0x${this.bytes.length.toString(16)}; is it truncated?`,
      );
    }
    return this.bytes.subarray(Number(offset), Number(end));
  }

  /** The zero-terminated string at `offset` of `table`. */
  string(table: Uint8Array, offset: number, what: string): string {
    const end = offset < table.length ? table.indexOf(0, offset) : -1;
    if (end < 0) this.fail(`the name of ${what} lies outside of its string table`);
    return Buffer.from(table.buffer, table.byteOffset + offset, end - offset).toString('utf8');
  }
}

function checkIdentity(file: Bytes): void {
  if (!isElf(file.bytes)) file.fail('not an ELF file');
  if (file.bytes.length < EHDR_SIZE) {
    file.fail(`truncated: an ELF header has ${EHDR_SIZE} bytes, the file ${file.bytes.length}`);
  }
  if (file.u32(EHDR.magic) !== ELF_MAGIC) file.fail('not an ELF file');
  const fileClass = file.u8(EHDR.class);
  if (fileClass === ELFCLASS32) file.fail('a 32-bit ELF file; this machine runs 64-bit RISC-V only');
  if (fileClass !== ELFCLASS64) file.fail(`unknown ELF class ${fileClass}`);
  if (file.u8(EHDR.data) !== ELFDATA2LSB) file.fail('a big-endian ELF file; RISC-V files are little-endian');
  if (file.u8(EHDR.identVersion) !== EV_CURRENT || file.u32(EHDR.version) !== EV_CURRENT) {
    file.fail('unknown ELF version');
  }
  const machine = file.u16(EHDR.machine);
  if (machine !== EM_RISCV) {
    file.fail(`made for ${MACHINE_NAMES[machine] ?? `ELF machine ${machine}`}, not for RISC-V`);
  }
  if (file.u32(EHDR.flags) & EF.RISCV_RVE) file.fail('uses the RV64E ABI, which this machine does not run');
  const type = file.u16(EHDR.type);
  if (type !== ET.REL && type !== ET.EXEC && type !== ET.DYN) file.fail(`unknown ELF file type ${type}`);
}

function readSegments(file: Bytes): ElfSegment[] {
  const count = file.u16(EHDR.phnum);
  if (count === 0) return [];
  if (file.u16(EHDR.phentsize) !== PHDR_SIZE) file.fail('program headers of an unknown size');
  const offset = file.u64(EHDR.phoff);
  file.slice(offset, BigInt(count * PHDR_SIZE), 'the program header table');
  const segments: ElfSegment[] = [];
  for (let index = 0; index < count; index++) {
    const at = Number(offset) + index * PHDR_SIZE;
    const type = file.u32(at + PHDR.type);
    const fileSize = file.u64(at + PHDR.filesz);
    const memorySize = file.u64(at + PHDR.memsz);
    if (type === PT.LOAD && memorySize < fileSize) {
      file.fail(`segment ${index} is larger in the file (${fileSize}) than in memory (${memorySize})`);
    }
    segments.push({
      type,
      flags: file.u32(at + PHDR.flags),
      vaddr: file.u64(at + PHDR.vaddr),
      paddr: file.u64(at + PHDR.paddr),
      offset: file.u64(at + PHDR.offset),
      data:
        type === PT.NULL
          ? new Uint8Array()
          : file.slice(file.u64(at + PHDR.offset), fileSize, `segment ${index}`),
      memorySize,
    });
  }
  return segments;
}

function readSections(file: Bytes): ElfSection[] {
  const count = file.u16(EHDR.shnum);
  const offset = file.u64(EHDR.shoff);
  if (count === 0) {
    if (offset !== 0n) file.fail('more than 65279 sections, which this reader does not know');
    return [];
  }
  if (file.u16(EHDR.shentsize) !== SHDR_SIZE) file.fail('section headers of an unknown size');
  file.slice(offset, BigInt(count * SHDR_SIZE), 'the section header table');
  const names = file.u16(EHDR.shstrndx);
  if (names >= count) file.fail(`section names are said to be in section ${names} of ${count}`);
  const header = (index: number) => Number(offset) + index * SHDR_SIZE;
  const bytesOf = (index: number): Uint8Array => {
    const at = header(index);
    const type = file.u32(at + SHDR.type);
    if (type === SHT.NOBITS || type === SHT.NULL) return new Uint8Array();
    return file.slice(file.u64(at + SHDR.offset), file.u64(at + SHDR.size), `section ${index}`);
  };
  const nameTable = names === SHN.UNDEF ? undefined : bytesOf(names);
  const sections: ElfSection[] = [];
  for (let index = 0; index < count; index++) {
    const at = header(index);
    sections.push({
      index,
      name: nameTable ? file.string(nameTable, file.u32(at + SHDR.name), `section ${index}`) : '',
      type: file.u32(at + SHDR.type),
      flags: file.u64(at + SHDR.flags),
      address: file.u64(at + SHDR.addr),
      size: file.u64(at + SHDR.size),
      data: bytesOf(index),
      link: file.u32(at + SHDR.link),
      info: file.u32(at + SHDR.info),
      align: file.u64(at + SHDR.addralign),
    });
  }
  return sections;
}

function readSymbols(file: Bytes, sections: readonly ElfSection[]): ElfSymbol[] {
  const section = sections.find((candidate) => candidate.type === SHT.SYMTAB);
  if (!section) return [];
  if (section.data.length % SYM_SIZE !== 0) {
    file.fail(`symbol table '${section.name}' is not a whole number of entries long`);
  }
  const strings = sections[section.link];
  if (strings?.type !== SHT.STRTAB) file.fail(`symbol table '${section.name}' has no string table`);
  const table = new Bytes(section.data, file.name);
  const symbols: ElfSymbol[] = [];
  for (let at = 0; at < section.data.length; at += SYM_SIZE) {
    const info = table.u8(at + SYM.info);
    symbols.push({
      name: file.string(strings.data, table.u32(at + SYM.name), `symbol ${at / SYM_SIZE}`),
      value: table.u64(at + SYM.value),
      size: table.u64(at + SYM.size),
      binding: info >> 4,
      type: info & 0xf,
      section: table.u16(at + SYM.shndx),
    });
  }
  return symbols;
}
