/**
 * Kernel-state objects: what the kernel shows of itself. The root lists every thread, view and context in use and every device;
 * user space finds it with SYS_ROOT and reads it like any object.
 */
import { KsoEntry, KsoList, KsoType } from '../abi/kso.ts';
import { OBJ_NULLPAGE, READ } from '../abi/object.ts';
import { CreateSource } from '../abi/syscall.ts';
import { consolePrint } from './console.ts';
import { createdObject, createObject } from './create.ts';
import { KO_KERNEL, KO_LISTED_SHIFT, KObject } from './object.ts';
import { objectPage, peekPage } from './tree.ts';

const MAX_ENTRIES = 4096;

let root: KObject | null = null;
/** Entries of the root that have ever been used, and those of them that are free again. */
let listed: u64 = 0;
let freeCount: u64 = 0;
const freeEntries = zeroed<FixedArray<u16, 4096>>();

/** Writes a name into the header of a KSO. */
export function nameKso(object: KObject, name: str, type: KsoType): void {
  const page = objectPage(object, OBJ_NULLPAGE);
  if (page === 0) return;
  memory.copy(page, name.ptr.address, min<u64>(name.length, 255));
  store<u32>(page, u32(type), 256);
}

/** Prints the name that a kernel object's header has. */
export function printKsoName(object: KObject): void {
  const name = peekPage(object, OBJ_NULLPAGE);
  let length: u64 = 0;
  while (name !== 0 && length < 64 && load<u8>(name + length) !== 0) length++;
  consolePrint(strOf(at<Ptr<u8>>(name), length));
}

/** A volatile object of the kernel's own, readable by all. */
export function kernelObject(name: str, type: KsoType, rights: u64): KObject {
  const result = createObject(rights, 0, 0, at<Ptr<Inline<CreateSource>>>(8), 0);
  assert(result === 0, 'no memory for a kernel object');
  const object = createdObject();
  object.flags |= KO_KERNEL;
  nameKso(object, name, type);
  return object;
}

export function initKso(): void {
  root = kernelObject('root', KsoType.root, READ);
}

export function ksoRoot(): KObject {
  return root!;
}

function entryOf(list: KObject, index: u64): KsoEntry | null {
  const offset = OBJ_NULLPAGE + offsetof<KsoList>('entries') + index * sizeof<KsoEntry>();
  const page = objectPage(list, offset);
  return page === 0 ? null : at<KsoEntry>(page + (offset & 0xfff));
}

/** Appends or fills entry `index` of a listing. */
export function setEntry(list: KObject, index: u64, object: KObject, type: KsoType, info: u64): void {
  const entry = entryOf(list, index);
  const header = objectPage(list, OBJ_NULLPAGE);
  if (entry === null || header === 0) return;
  entry.id.lo = object.lo;
  entry.id.hi = object.hi;
  entry.type = u32(type);
  entry.info = info;
  fence('w', 'w');
  entry.flags = 1;
  const count = header + offsetof<KsoList>('count');
  if (load<u64>(count) <= index) store<u64>(count, index + 1);
}

/** Lists an object in the root. A full list shows no more; that harms nobody. */
export function enlist(object: KObject, type: KsoType, info: u64): void {
  if (root === null || object.flags >> KO_LISTED_SHIFT !== 0) return;
  if (freeCount === 0 && listed === MAX_ENTRIES) return;
  const index = freeCount !== 0 ? u64(freeEntries[freeCount - 1]) : listed;
  if (entryOf(root, index) === null) return;
  if (freeCount !== 0) freeCount--;
  else listed++;
  setEntry(root, index, object, type, info);
  object.flags |= (index + 1) << KO_LISTED_SHIFT;
}

/** Takes an object off the root's list. */
export function unlist(object: KObject): void {
  const number = object.flags >> KO_LISTED_SHIFT;
  if (root === null || number === 0) return;
  object.flags &= (1 << KO_LISTED_SHIFT) - 1;
  const entry = entryOf(root, number - 1);
  if (entry !== null) entry.flags = 0;
  freeEntries[freeCount] = u16(number - 1);
  freeCount++;
}
