/**
 * The boot archive (guest/abi/archive.ts): each entry becomes a volatile object, listed with its name in an object of its own.
 */
import {
  ARCHIVE_MAGIC,
  ARCHIVE_NAME_SIZE,
  ARCHIVE_NAMES,
  ARCHIVE_SYMBOLS,
  ArchiveEntry,
  ArchiveHeader,
  SYMBOLS_OF_KERNEL,
} from '../abi/archive.ts';
import { KsoType } from '../abi/kso.ts';
import { EXEC, META_OFFSET, OBJ_NULLPAGE, READ } from '../abi/object.ts';
import { CreateSource } from '../abi/syscall.ts';
import { PAGE, toVirtual } from './arch.ts';
import { consolePrint } from './console.ts';
import { createdObject, createObject } from './create.ts';
import { kernelObject, setEntry } from './kso.ts';
import { KObject } from './object.ts';
import { objectPage, peekPage } from './tree.ts';

let archive: KObject | null = null;
let init: KObject | null = null;

export function archiveObject(): KObject | null {
  return archive;
}

/** The archive's object named `init`. */
export function initProgram(): KObject | null {
  return init;
}

/** A program of the archive, and the table of its functions. */
class ArchivedProgram {
  program: KObject | null;
  symbols: KObject | null;
}

const MAX_PROGRAMS = 64;
const programs = zeroed<FixedArray<Inline<ArchivedProgram>, 64>>();
let kernelTable: KObject | null = null;

/** The table of the kernel's own functions; null: the archive brought none, or has not been read yet. */
export function kernelSymbols(): KObject | null {
  return kernelTable;
}

/** The symbols come behind all programs; those of programs beyond MAX_PROGRAMS are not used. */
function noteSymbols(of: u64, table: KObject): void {
  if (of === SYMBOLS_OF_KERNEL) kernelTable = table;
  else if (of < MAX_PROGRAMS) programs[of].symbols = table;
}

/**
 * The number of the program of the archive whose code an object has at `offset`: programs run from copies, which share the pages that nobody
 * writes to. MAX_PROGRAMS: none.
 */
function programAt(code: KObject, offset: u64): u64 {
  const page = peekPage(code, offset);
  if (page === 0) return MAX_PROGRAMS;
  for (let i: u64 = 0; i < MAX_PROGRAMS; i++) {
    const program = programs[i].program;
    if (program === null) break;
    if (peekPage(program, offset) === page) return i;
  }
  return MAX_PROGRAMS;
}

/** The table of the functions of the program that runs at `offset` of an object; null: it is not from the archive. */
export function symbolsAt(code: KObject, offset: u64): KObject | null {
  const index = programAt(code, offset);
  return index === MAX_PROGRAMS ? null : programs[index].symbols;
}

/** Prints the name of that program; false if it has none. */
export function printProgram(code: KObject, offset: u64): bool {
  const index = programAt(code, offset);
  if (index === MAX_PROGRAMS) return false;
  const place = objectPage(archive!, ARCHIVE_NAMES + index * ARCHIVE_NAME_SIZE);
  if (place === 0) return false;
  const name = place + ((ARCHIVE_NAMES + index * ARCHIVE_NAME_SIZE) & 0xfff);
  let length: u64 = 0;
  while (length < ARCHIVE_NAME_SIZE && load<u8>(name + length) !== 0) length++;
  consolePrint(strOf(at<Ptr<u8>>(name), length));
  return true;
}

/** The text of a zero-padded name. */
function nameOf(entry: ArchiveEntry): str {
  let length: u64 = 0;
  while (length < ARCHIVE_NAME_SIZE && entry.name[length] !== 0) length++;
  return strOf(entry.name.ptr, length);
}

/** Makes the archive's objects. Returns how many; 0 also when there is no archive at `start` (physical). */
export function loadArchive(start: u64, size: u64): u64 {
  if (size < sizeof<ArchiveHeader>()) return 0;
  const base = toVirtual(start);
  const header = at<ArchiveHeader>(base);
  if (header.magic !== ARCHIVE_MAGIC) return 0;
  const list = kernelObject('archive', KsoType.archive, READ);
  archive = list;
  let listed: u64 = 0;
  for (let i: u64 = 0; i < header.count; i++) {
    const entry = at<ArchiveEntry>(base + sizeof<ArchiveHeader>() + i * sizeof<ArchiveEntry>());
    assert(entry.offset <= size && entry.size <= size - entry.offset, 'boot archive is damaged');
    const object = loadEntry(base + entry.offset, entry);
    if (entry.flags === ARCHIVE_SYMBOLS) {
      noteSymbols(entry.memory, object);
      continue;
    }
    if (listed < MAX_PROGRAMS) programs[listed].program = object;
    setEntry(list, listed, object, KsoType.none, entry.flags);
    const nameOffset = ARCHIVE_NAMES + listed * ARCHIVE_NAME_SIZE;
    listed++;
    memory.copy(
      objectPage(list, nameOffset) + (nameOffset & 0xfff),
      addressOf(entry.name),
      ARCHIVE_NAME_SIZE,
    );
    if (nameOf(entry).equals('init')) init = object;
  }
  return listed;
}

function loadEntry(data: usize, entry: ArchiveEntry): KObject {
  const result = createObject(READ | EXEC, 0, 0, at<Ptr<Inline<CreateSource>>>(8), 0);
  assert(result === 0, 'no memory for the boot archive');
  const object = createdObject();
  for (let done: u64 = 0; done < entry.size; done += PAGE) {
    const page = objectPage(object, OBJ_NULLPAGE + done);
    assert(page !== 0, 'no memory for the boot archive');
    memory.copy(page, data + done, min<u64>(PAGE, entry.size - done));
  }
  objectPage(object, META_OFFSET);
  return object;
}
