/**
 * Writes the boot archive (guest/abi/archive.ts): the programs that exist from the start, each as the bytes of an object
 * from its null page on.
 */
import { PT } from '../../emulator/elf/constants.ts';
import { type ElfFile, type ElfSegment, readElf } from '../../emulator/elf/reader.ts';
import { UserError } from '../../emulator/errors.ts';
import type { Layouts } from './layouts.ts';
import { writeSymbols } from './symbols.ts';

const PAGE = 4096;

/** A program for the archive. */
export interface ArchiveProgram {
  readonly name: string;
  readonly elf: Uint8Array;
  /** Its table of symbols (symbols.ts), if that is there already. */
  readonly symbols?: Uint8Array;
}

const loadable = (elf: ElfFile): ElfSegment[] =>
  elf.segments.filter((segment) => segment.type === PT.LOAD && segment.memorySize > 0n);

/** Is an executable linked to lie in an object (`--target program`)? */
export function isObjectImage(elf: ElfFile, layouts: Layouts): boolean {
  const [low, high] = [layouts.constant('OBJ_NULLPAGE'), layouts.constant('OBJ_TOPDATA')];
  const segments = loadable(elf);
  return (
    elf.entry === low &&
    segments.length > 0 &&
    segments.every(({ vaddr, memorySize }) => vaddr >= low && vaddr + memorySize <= high)
  );
}

/** The bytes of an executable as an object holds them from offset 0x1000 on, and how many it needs in memory. */
export function objectImage(elf: ElfFile, base: bigint): { bytes: Uint8Array; memory: number } {
  const segments = loadable(elf);
  let fileEnd = 0;
  let memory = 0;
  for (const segment of segments) {
    if (segment.vaddr < base)
      throw new UserError(`${elf.name}: linked below the null page; use --target program`);
    const start = Number(segment.vaddr - base);
    fileEnd = Math.max(fileEnd, start + segment.data.length);
    memory = Math.max(memory, start + Number(segment.memorySize));
  }
  const bytes = new Uint8Array(fileEnd);
  for (const segment of segments) bytes.set(segment.data, Number(segment.vaddr - base));
  return { bytes, memory };
}

interface Entry {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly memory: number;
  readonly flags: bigint;
}

/** The programs, and after them the symbols of each, and of the kernel if it is given. */
export function writeArchive(
  programs: readonly ArchiveProgram[],
  layouts: Layouts,
  kernel?: ArchiveProgram,
): Uint8Array {
  const headerSize = layouts.struct('ArchiveHeader').size;
  const entrySize = layouts.struct('ArchiveEntry').size;
  const nameSize = Number(layouts.constant('ARCHIVE_NAME_SIZE'));
  const base = layouts.constant('OBJ_NULLPAGE');
  const symbolsOf = ({ name, elf, symbols }: ArchiveProgram, of: number): Entry => ({
    name,
    bytes: symbols ?? writeSymbols(elf, name, layouts),
    memory: of,
    flags: layouts.constant('ARCHIVE_SYMBOLS'),
  });
  const entries: Entry[] = [
    ...programs.map(({ name, elf }) => ({
      name,
      ...objectImage(readElf(elf, name), base),
      flags: layouts.constant('ARCHIVE_PROGRAM'),
    })),
    ...programs.map(symbolsOf),
    ...(kernel ? [symbolsOf(kernel, Number(layouts.constant('SYMBOLS_OF_KERNEL')))] : []),
  ];
  const roundUp = (size: number): number => Math.ceil(size / PAGE) * PAGE;
  // Room for the entry that `appendText` adds.
  let end = roundUp(headerSize + (entries.length + 1) * entrySize);
  const offsets = entries.map(({ bytes }) => {
    const offset = end;
    end += roundUp(bytes.length);
    return offset;
  });
  const archive = new Uint8Array(end);
  const view = new DataView(archive.buffer);
  const put = (at: number, struct: string, field: string, value: bigint): void =>
    view.setBigUint64(at + layouts.offset(struct, field), value, true);
  put(0, 'ArchiveHeader', 'magic', layouts.constant('ARCHIVE_MAGIC'));
  put(0, 'ArchiveHeader', 'count', BigInt(entries.length));
  entries.forEach((entry, index) => {
    const at = headerSize + index * entrySize;
    const name = new TextEncoder().encode(entry.name);
    if (name.length >= nameSize) {
      throw new UserError(`${entry.name}: a program's name has at most ${nameSize - 1} bytes`);
    }
    archive.set(name, at + layouts.offset('ArchiveEntry', 'name'));
    put(at, 'ArchiveEntry', 'offset', BigInt(offsets[index]!));
    put(at, 'ArchiveEntry', 'size', BigInt(entry.bytes.length));
    put(at, 'ArchiveEntry', 'memory', BigInt(entry.memory));
    put(at, 'ArchiveEntry', 'flags', entry.flags);
    archive.set(entry.bytes, offsets[index]!);
  });
  return archive;
}

/** The archive with one more entry: zero-terminated text. */
export function appendText(archive: Uint8Array, name: string, text: string, layouts: Layouts): Uint8Array {
  const entrySize = layouts.struct('ArchiveEntry').size;
  const headerSize = layouts.struct('ArchiveHeader').size;
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const countAt = layouts.offset('ArchiveHeader', 'count');
  const count = Number(view.getBigUint64(countAt, true));
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= PAGE)
    throw new UserError(`commands have at most ${PAGE - 1} bytes; these have ${bytes.length}`);
  const at = headerSize + count * entrySize;
  // The table of entries ends at a page; there is room unless the last entry fills it.
  const first = Number(view.getBigUint64(headerSize + layouts.offset('ArchiveEntry', 'offset'), true));
  if (at + entrySize > first) throw new UserError('the boot archive has no room for another entry');
  const result = new Uint8Array(archive.length + PAGE);
  result.set(archive);
  result.set(bytes, archive.length);
  const out = new DataView(result.buffer);
  out.setBigUint64(countAt, BigInt(count + 1), true);
  result.set(new TextEncoder().encode(name), at + layouts.offset('ArchiveEntry', 'name'));
  out.setBigUint64(at + layouts.offset('ArchiveEntry', 'offset'), BigInt(archive.length), true);
  out.setBigUint64(at + layouts.offset('ArchiveEntry', 'size'), BigInt(bytes.length + 1), true);
  out.setBigUint64(at + layouts.offset('ArchiveEntry', 'memory'), BigInt(bytes.length + 1), true);
  return result;
}
