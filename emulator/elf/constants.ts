/**
 * The numbers of the ELF64 object format as RISC-V uses it, for everybody who reads or writes it: the loader, the
 * compiler's writer and linker, the debugger. Names are the field's own (System V ABI, chapters 4 and 5; RISC-V
 * ELF psABI, sections "ELF object files" and "Relocations"). Only little-endian 64-bit files are meant.
 */

/** Bytes 0–3 of every ELF file: 0x7f 'E' 'L' 'F', as a little-endian word. */
export const ELF_MAGIC = 0x464c457f;

/** Byte offsets of the ELF64 file header (`Elf64_Ehdr`), with field widths in bytes as comments. */
export const EHDR = {
  /** 4: `ELF_MAGIC`. */
  magic: 0,
  /** 1: `ELFCLASS64`. */
  class: 4,
  /** 1: `ELFDATA2LSB`. */
  data: 5,
  /** 1: `EV_CURRENT`. */
  identVersion: 6,
  /** 1: operating system ABI. */
  osabi: 7,
  /** 2: an `ET`. */
  type: 16,
  /** 2: `EM_RISCV`. */
  machine: 18,
  /** 4: `EV_CURRENT`. */
  version: 20,
  /** 8: virtual address of the first instruction. */
  entry: 24,
  /** 8: file offset of the program headers. */
  phoff: 32,
  /** 8: file offset of the section headers. */
  shoff: 40,
  /** 4: `EF` flags. */
  flags: 48,
  /** 2: `EHDR_SIZE`. */
  ehsize: 52,
  /** 2: `PHDR_SIZE`. */
  phentsize: 54,
  /** 2: number of program headers. */
  phnum: 56,
  /** 2: `SHDR_SIZE`. */
  shentsize: 58,
  /** 2: number of section headers. */
  shnum: 60,
  /** 2: index of the section that holds the section names. */
  shstrndx: 62,
} as const;
export const EHDR_SIZE = 64;

export const ELFCLASS32 = 1;
export const ELFCLASS64 = 2;
export const ELFDATA2LSB = 1;
export const ELFDATA2MSB = 2;
export const EV_CURRENT = 1;

/** `e_type`. */
export const ET = { NONE: 0, REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;

/** `e_machine` of RISC-V. */
export const EM_RISCV = 243;
/** `e_machine` values worth naming in an error message. */
export const MACHINE_NAMES: Readonly<Record<number, string>> = {
  3: 'x86 (32-bit)',
  8: 'MIPS',
  20: 'PowerPC',
  21: '64-bit PowerPC',
  22: 'S/390',
  40: 'ARM (32-bit)',
  62: 'x86-64',
  183: 'AArch64',
  243: 'RISC-V',
  258: 'LoongArch',
};

/** `e_flags` of RISC-V (psABI, "File header"). Bits 2:1 are the floating-point ABI. */
export const EF = {
  RISCV_RVC: 0x1,
  RISCV_FLOAT_ABI_MASK: 0x6,
  RISCV_FLOAT_ABI_SOFT: 0x0,
  RISCV_FLOAT_ABI_SINGLE: 0x2,
  RISCV_FLOAT_ABI_DOUBLE: 0x4,
  RISCV_RVE: 0x8,
  RISCV_TSO: 0x10,
} as const;

/** Byte offsets of a program header (`Elf64_Phdr`). */
export const PHDR = {
  /** 4: a `PT`. */
  type: 0,
  /** 4: `PF` bits. */
  flags: 4,
  /** 8: file offset of the segment. */
  offset: 8,
  /** 8: virtual address. */
  vaddr: 16,
  /** 8: physical address; where a machine without translation loads it. */
  paddr: 24,
  /** 8: bytes in the file. */
  filesz: 32,
  /** 8: bytes in memory, at least `filesz`; the rest is zero. */
  memsz: 40,
  /** 8: alignment. */
  align: 48,
} as const;
export const PHDR_SIZE = 56;

/** `p_type`. */
export const PT = { NULL: 0, LOAD: 1, DYNAMIC: 2, INTERP: 3, NOTE: 4, PHDR: 6, TLS: 7 } as const;
/** `p_flags`. */
export const PF = { X: 1, W: 2, R: 4 } as const;

/** Byte offsets of a section header (`Elf64_Shdr`). */
export const SHDR = {
  /** 4: offset of the name in the section-name string table. */
  name: 0,
  /** 4: an `SHT`. */
  type: 4,
  /** 8: `SHF` bits. */
  flags: 8,
  /** 8: address in memory, or 0. */
  addr: 16,
  /** 8: file offset. */
  offset: 24,
  /** 8: bytes. */
  size: 32,
  /** 4: index of an associated section (strings of a symbol table, symbols of relocations). */
  link: 40,
  /** 4: extra information (first global symbol; section that relocations apply to). */
  info: 44,
  /** 8: alignment, a power of two. */
  addralign: 48,
  /** 8: bytes of an entry, for tables. */
  entsize: 56,
} as const;
export const SHDR_SIZE = 64;

/** `sh_type`. */
export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  DYNSYM: 11,
  INIT_ARRAY: 14,
  FINI_ARRAY: 15,
  RISCV_ATTRIBUTES: 0x70000003,
} as const;

/** `sh_flags`. */
export const SHF = {
  WRITE: 0x1,
  ALLOC: 0x2,
  EXECINSTR: 0x4,
  MERGE: 0x10,
  STRINGS: 0x20,
  INFO_LINK: 0x40,
  TLS: 0x400,
} as const;

/** Reserved section indices. */
export const SHN = { UNDEF: 0, ABS: 0xfff1, COMMON: 0xfff2, XINDEX: 0xffff } as const;

/** Byte offsets of a symbol (`Elf64_Sym`). */
export const SYM = {
  /** 4: offset of the name in the string table. */
  name: 0,
  /** 1: binding << 4 | type. */
  info: 4,
  /** 1: visibility in bits 1:0. */
  other: 5,
  /** 2: section index. */
  shndx: 6,
  /** 8: address, or offset in the section in a relocatable file. */
  value: 8,
  /** 8: bytes. */
  size: 16,
} as const;
export const SYM_SIZE = 24;

/** Symbol bindings. */
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
/** Symbol types. */
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4, COMMON: 5, TLS: 6 } as const;
/** Symbol visibilities. */
export const STV = { DEFAULT: 0, INTERNAL: 1, HIDDEN: 2, PROTECTED: 3 } as const;

/** Byte offsets of a relocation with addend (`Elf64_Rela`). */
export const RELA = {
  /** 8: where it applies. */
  offset: 0,
  /** 8: symbol << 32 | type. */
  info: 8,
  /** 8: signed addend. */
  addend: 16,
} as const;
export const RELA_SIZE = 24;

/** Relocation types of RISC-V (psABI, "Relocations"). */
export const R_RISCV = {
  NONE: 0,
  R32: 1,
  R64: 2,
  RELATIVE: 3,
  COPY: 4,
  JUMP_SLOT: 5,
  TLS_DTPMOD64: 7,
  TLS_DTPREL64: 9,
  TLS_TPREL64: 11,
  BRANCH: 16,
  JAL: 17,
  CALL: 18,
  CALL_PLT: 19,
  GOT_HI20: 20,
  TLS_GOT_HI20: 21,
  TLS_GD_HI20: 22,
  PCREL_HI20: 23,
  PCREL_LO12_I: 24,
  PCREL_LO12_S: 25,
  HI20: 26,
  LO12_I: 27,
  LO12_S: 28,
  TPREL_HI20: 29,
  TPREL_LO12_I: 30,
  TPREL_LO12_S: 31,
  TPREL_ADD: 32,
  ADD8: 33,
  ADD16: 34,
  ADD32: 35,
  ADD64: 36,
  SUB8: 37,
  SUB16: 38,
  SUB32: 39,
  SUB64: 40,
  ALIGN: 43,
  RVC_BRANCH: 44,
  RVC_JUMP: 45,
  RELAX: 51,
  SUB6: 52,
  SET6: 53,
  SET8: 54,
  SET16: 55,
  SET32: 56,
  R32_PCREL: 57,
  SET_ULEB128: 60,
  SUB_ULEB128: 61,
} as const;
