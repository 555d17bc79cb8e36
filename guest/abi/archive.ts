/**
 * The boot archive: objects that exist from the start (init, the shell, utilities), handed to the kernel as initrd. The
 * host's tools write it (tools/image). The kernel makes a HASHDATA-less volatile object of each entry and lists them in
 * a KSO (`ROOT_ARCHIVE`), so that init can give them names.
 */
export const ARCHIVE_MAGIC = 0x4352_415a_5457_5a31;

export class ArchiveHeader {
  magic: u64;
  count: u64;
}

/** Entry, 96 bytes; `offset` from the archive's start, page-aligned: the bytes of the object from OBJ_NULLPAGE on. */
export class ArchiveEntry {
  readonly name: FixedArray<u8, 64>;
  offset: u64;
  size: u64;
  /** Bytes from OBJ_NULLPAGE on that the program's loaded image has (bss included). Of symbols: number of the program's entry, or SYMBOLS_OF_KERNEL. */
  memory: u64;
  /** ARCHIVE_PROGRAM, ARCHIVE_SYMBOLS, or neither: text. */
  flags: u64;
}

export const ARCHIVE_PROGRAM = 1;
/** A `SymbolTable`: for the kernel's reports, not listed. */
export const ARCHIVE_SYMBOLS = 2;
export const SYMBOLS_OF_KERNEL = 0xffff;

/** In the archive's listing object: names beside `KsoList`, entry i names the object of list entry i. */
export const ARCHIVE_NAMES = 0x10_0000;
export const ARCHIVE_NAME_SIZE = 64;

static_assert(sizeof<ArchiveEntry>() === 96, 'ArchiveEntry');
