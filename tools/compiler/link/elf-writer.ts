/**
 * Writes ELF64 files for RISC-V: relocatable ones from an object file, executables from linked sections. Little-endian,
 * double-float ABI with compressed instructions (e_flags 5).
 */
import {
  EF,
  EHDR,
  EHDR_SIZE,
  ELF_MAGIC,
  ELFCLASS64,
  ELFDATA2LSB,
  EM_RISCV,
  ET,
  EV_CURRENT,
  PHDR,
  PHDR_SIZE,
  RELA,
  RELA_SIZE,
  SHDR,
  SHDR_SIZE,
  SHF,
  SHN,
  SHT,
  STB,
  STT,
  SYM,
  SYM_SIZE,
} from '../../../emulator/elf/constants.ts';
import { attributesSection } from './attributes.ts';
import { type ObjectFile, type ObjectSection, ObjectSymbol } from './object.ts';

/** A program header of an executable. */
export interface Segment {
  readonly type: number;
  /** `PF` bits. */
  readonly flags: number;
  readonly sections: readonly ObjectSection[];
  /** Physical minus virtual address. */
  readonly physicalOffset: bigint;
}

class StringTable {
  private readonly offsets = new Map<string, number>([['', 0]]);
  private readonly parts: string[] = [''];
  private size = 1;

  add(text: string): number {
    let offset = this.offsets.get(text);
    if (offset === undefined) {
      offset = this.size;
      this.offsets.set(text, offset);
      this.parts.push(text);
      this.size += Buffer.byteLength(text) + 1;
    }
    return offset;
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.from(`${this.parts.join('\0')}\0`));
  }
}

/** A section as it goes into the file. */
interface OutSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: bigint;
  readonly size: number;
  readonly data: Uint8Array;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entrySize: number;
  offset: number;
}

export function writeRelocatable(object: ObjectFile): Uint8Array {
  return new ElfWriter([...object.sections, attributesSection()], object.symbols, ET.REL, 0n, []).write();
}

export function writeExecutable(
  sections: readonly ObjectSection[],
  symbols: readonly ObjectSymbol[],
  entry: bigint,
  segments: readonly Segment[],
): Uint8Array {
  return new ElfWriter([...sections, attributesSection()], symbols, ET.EXEC, entry, segments).write();
}

class ElfWriter {
  private readonly out: OutSection[] = [];
  private readonly indexOf = new Map<ObjectSection, number>();
  private readonly symbolIndex = new Map<ObjectSymbol, number>();

  constructor(
    private readonly sections: readonly ObjectSection[],
    private readonly symbols: readonly ObjectSymbol[],
    private readonly type: number,
    private readonly entry: bigint,
    private readonly segments: readonly Segment[],
  ) {}

  write(): Uint8Array {
    this.push({ name: '', type: SHT.NULL });
    for (const section of this.sections) {
      this.indexOf.set(section, this.out.length);
      this.push({
        name: section.name,
        type: section.type,
        flags: section.flags,
        address: section.address,
        size: section.size,
        data: section.type === SHT.NOBITS ? undefined : section.data,
        align: section.align,
      });
    }
    this.addSymbols();
    if (this.type === ET.REL) for (const section of this.sections) this.addRelocations(section);
    const names = new StringTable();
    for (const section of this.out) names.add(section.name);
    names.add('.shstrtab');
    this.push({ name: '.shstrtab', type: SHT.STRTAB, data: names.bytes() });
    return this.assemble(names);
  }

  private push(section: {
    name: string;
    type: number;
    flags?: number;
    address?: bigint;
    size?: number;
    data?: Uint8Array | undefined;
    link?: number;
    info?: number;
    align?: number;
    entrySize?: number;
  }): void {
    const data = section.data ?? new Uint8Array(0);
    this.out.push({
      name: section.name,
      type: section.type,
      flags: section.flags ?? 0,
      address: section.address ?? 0n,
      size: section.size ?? data.length,
      data,
      link: section.link ?? 0,
      info: section.info ?? 0,
      align: section.align ?? 1,
      entrySize: section.entrySize ?? 0,
      offset: 0,
    });
  }

  private addSymbols(): void {
    const relocatable = this.type === ET.REL;
    const sectionSymbols = this.sections.map((section) => {
      const symbol = new ObjectSymbol('');
      symbol.section = section;
      symbol.type = STT.SECTION;
      return symbol;
    });
    const listed = this.symbols.filter(
      (symbol) => symbol.type !== STT.SECTION && (relocatable || !symbol.name.startsWith('.L')),
    );
    const locals = listed.filter((symbol) => symbol.binding === STB.LOCAL);
    const globals = listed.filter((symbol) => symbol.binding !== STB.LOCAL);
    const ordered = [...sectionSymbols, ...locals, ...globals];
    const strings = new StringTable();
    const data = new Uint8Array((ordered.length + 1) * SYM_SIZE);
    const view = new DataView(data.buffer);
    ordered.forEach((symbol, index) => {
      const at = (index + 1) * SYM_SIZE;
      this.symbolIndex.set(symbol, index + 1);
      const section = symbol.section;
      view.setUint32(at + SYM.name, strings.add(symbol.name), true);
      view.setUint8(at + SYM.info, (symbol.binding << 4) | symbol.type);
      const shndx = symbol.isAbsolute
        ? SHN.ABS
        : section === undefined
          ? SHN.UNDEF
          : (this.indexOf.get(section) ?? SHN.ABS);
      view.setUint16(at + SYM.shndx, shndx, true);
      const base = relocatable || section === undefined ? 0n : section.address;
      view.setBigUint64(at + SYM.value, BigInt.asUintN(64, base + BigInt(symbol.value)), true);
      view.setBigUint64(at + SYM.size, BigInt(symbol.size), true);
    });
    this.symbolSection = this.out.length;
    this.push({
      name: '.symtab',
      type: SHT.SYMTAB,
      data,
      link: this.out.length + 1,
      info: sectionSymbols.length + locals.length + 1,
      align: 8,
      entrySize: SYM_SIZE,
    });
    this.push({ name: '.strtab', type: SHT.STRTAB, data: strings.bytes() });
  }

  private symbolSection = 0;

  private addRelocations(section: ObjectSection): void {
    if (section.relocs.length === 0) return;
    const data = new Uint8Array(section.relocs.length * RELA_SIZE);
    const view = new DataView(data.buffer);
    const sorted = [...section.relocs].sort((a, b) => a.offset - b.offset);
    sorted.forEach((reloc, index) => {
      const at = index * RELA_SIZE;
      let symbol = this.symbolIndex.get(reloc.symbol);
      let addend = BigInt(reloc.addend);
      if (symbol === undefined) {
        // A symbol that is not listed is a place in a section.
        symbol = this.indexOf.get(reloc.symbol.section!)!;
        addend += BigInt(reloc.symbol.value);
      }
      view.setBigUint64(at + RELA.offset, BigInt(reloc.offset), true);
      view.setBigUint64(at + RELA.info, (BigInt(symbol) << 32n) | BigInt(reloc.type), true);
      view.setBigInt64(at + RELA.addend, addend, true);
    });
    this.push({
      name: `.rela${section.name}`,
      type: SHT.RELA,
      flags: SHF.INFO_LINK,
      data,
      link: this.symbolSection,
      info: this.indexOf.get(section)!,
      align: 8,
      entrySize: RELA_SIZE,
    });
  }

  /** Lays the file out: header, program headers, sections, section headers. */
  private assemble(names: StringTable): Uint8Array {
    let offset = EHDR_SIZE + this.segments.length * PHDR_SIZE;
    for (const section of this.out) {
      // Loadable sections keep their address modulo the page, so a file can be mapped.
      const loadable = this.type === ET.EXEC && (section.flags & SHF.ALLOC) !== 0;
      if (loadable) {
        const page = Number(section.address & 0xfffn);
        offset += (page - (offset & 0xfff) + 0x1000) & 0xfff;
      } else offset = (offset + section.align - 1) & -section.align;
      section.offset = offset;
      if (section.type !== SHT.NOBITS) offset += section.data.length;
    }
    const headers = (offset + 7) & -8;
    const file = new Uint8Array(headers + this.out.length * SHDR_SIZE);
    const view = new DataView(file.buffer);
    this.header(view, headers);
    this.segments.forEach((segment, index) => {
      this.programHeader(view, EHDR_SIZE + index * PHDR_SIZE, segment);
    });
    this.out.forEach((section, index) => {
      if (section.type !== SHT.NOBITS) file.set(section.data, section.offset);
      const at = headers + index * SHDR_SIZE;
      view.setUint32(at + SHDR.name, names.add(section.name), true);
      view.setUint32(at + SHDR.type, section.type, true);
      view.setBigUint64(at + SHDR.flags, BigInt(section.flags), true);
      view.setBigUint64(at + SHDR.addr, section.address, true);
      view.setBigUint64(at + SHDR.offset, BigInt(index === 0 ? 0 : section.offset), true);
      view.setBigUint64(at + SHDR.size, BigInt(section.size), true);
      view.setUint32(at + SHDR.link, section.link, true);
      view.setUint32(at + SHDR.info, section.info, true);
      view.setBigUint64(at + SHDR.addralign, BigInt(section.align), true);
      view.setBigUint64(at + SHDR.entsize, BigInt(section.entrySize), true);
    });
    return file;
  }

  private header(view: DataView, sectionHeaders: number): void {
    view.setUint32(EHDR.magic, ELF_MAGIC, true);
    view.setUint8(EHDR.class, ELFCLASS64);
    view.setUint8(EHDR.data, ELFDATA2LSB);
    view.setUint8(EHDR.identVersion, EV_CURRENT);
    view.setUint16(EHDR.type, this.type, true);
    view.setUint16(EHDR.machine, EM_RISCV, true);
    view.setUint32(EHDR.version, EV_CURRENT, true);
    view.setBigUint64(EHDR.entry, this.entry, true);
    view.setBigUint64(EHDR.phoff, BigInt(this.segments.length > 0 ? EHDR_SIZE : 0), true);
    view.setBigUint64(EHDR.shoff, BigInt(sectionHeaders), true);
    view.setUint32(EHDR.flags, EF.RISCV_RVC | EF.RISCV_FLOAT_ABI_DOUBLE, true);
    view.setUint16(EHDR.ehsize, EHDR_SIZE, true);
    view.setUint16(EHDR.phentsize, this.segments.length > 0 ? PHDR_SIZE : 0, true);
    view.setUint16(EHDR.phnum, this.segments.length, true);
    view.setUint16(EHDR.shentsize, SHDR_SIZE, true);
    view.setUint16(EHDR.shnum, this.out.length, true);
    view.setUint16(EHDR.shstrndx, this.out.length - 1, true);
  }

  private programHeader(view: DataView, at: number, segment: Segment): void {
    const first = this.out[this.indexOf.get(segment.sections[0]!)!]!;
    let fileEnd = first.offset;
    let memoryEnd = first.address;
    for (const section of segment.sections) {
      const out = this.out[this.indexOf.get(section)!]!;
      if (out.type !== SHT.NOBITS) fileEnd = out.offset + out.data.length;
      memoryEnd = out.address + BigInt(out.size);
    }
    view.setUint32(at + PHDR.type, segment.type, true);
    view.setUint32(at + PHDR.flags, segment.flags, true);
    view.setBigUint64(at + PHDR.offset, BigInt(first.offset), true);
    view.setBigUint64(at + PHDR.vaddr, first.address, true);
    view.setBigUint64(at + PHDR.paddr, first.address + segment.physicalOffset, true);
    view.setBigUint64(at + PHDR.filesz, BigInt(fileEnd - first.offset), true);
    view.setBigUint64(at + PHDR.memsz, memoryEnd - first.address, true);
    view.setBigUint64(at + PHDR.align, 0x1000n, true);
  }
}
