/**
 * The boot archive (guest/abi/archive.ts): each entry becomes a volatile object, listed with its name in an object of its own.
 */
import {
  ARCHIVE_MAGIC,
  ARCHIVE_NAME_SIZE,
  ARCHIVE_NAMES,
  ArchiveEntry,
  ArchiveHeader,
} from '../abi/archive.ts';
import { KsoType } from '../abi/kso.ts';
import { EXEC, META_OFFSET, OBJ_NULLPAGE, READ } from '../abi/object.ts';
import { CreateSource } from '../abi/syscall.ts';
import { PAGE, toVirtual } from './arch.ts';
import { createdObject, createObject } from './create.ts';
import { kernelObject, setEntry } from './kso.ts';
import { KObject } from './object.ts';
import { objectPage } from './tree.ts';

let archive: KObject | null = null;
let init: KObject | null = null;

export function archiveObject(): KObject | null {
  return archive;
}

/** The archive's object named `init`. */
export function initProgram(): KObject | null {
  return init;
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
  for (let i: u64 = 0; i < header.count; i++) {
    const entry = at<ArchiveEntry>(base + sizeof<ArchiveHeader>() + i * sizeof<ArchiveEntry>());
    assert(entry.offset <= size && entry.size <= size - entry.offset, 'boot archive is damaged');
    const object = loadEntry(base + entry.offset, entry);
    setEntry(list, i, object, KsoType.none, entry.flags);
    const nameOffset = ARCHIVE_NAMES + i * ARCHIVE_NAME_SIZE;
    memory.copy(
      objectPage(list, nameOffset) + (nameOffset & 0xfff),
      addressOf(entry.name),
      ARCHIVE_NAME_SIZE,
    );
    if (nameOf(entry).equals('init')) init = object;
  }
  return header.count;
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
