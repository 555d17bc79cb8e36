/**
 * Names: namespaces are objects that map names to object IDs, and a path walks from one to the next. The root is a persistent
 * object that the kernel remembers (ROOT_NAMES); `/bin` is what the boot archive brought, the same every boot.
 *
 * An entry holds two IDs and says which one counts, so that giving a name to another object is one store: it happens or it
 * does not, whatever the power does.
 */
import { ARCHIVE_NAME_SIZE, ARCHIVE_NAMES } from '../abi/archive.ts';
import { KsoList } from '../abi/kso.ts';
import { NAME_MAX, NAMESPACE_MAGIC, NameEntry, Namespace, NameType } from '../abi/name.ts';
import { ObjectId, READ, WRITE } from '../abi/object.ts';
import {
  EEXIST,
  EINVAL,
  EIO,
  ENOENT,
  EPERM,
  ROOT_ARCHIVE,
  ROOT_NAMES,
  StatResult,
  SYS_ROOT,
} from '../abi/syscall.ts';
import { readError } from './attempt.ts';
import { programArguments } from './io.ts';
import { Mutex } from './mutex.ts';
import { dataOf, openObject, rightsTo, setSize, statObject } from './object.ts';
import { clean, persist, persistFence, storePersistent, touch } from './persist.ts';
import { syscall } from './syscall.ts';
import { mapObject } from './view.ts';

/** What a path led to. */
export class Found {
  readonly id: Inline<ObjectId>;
  type: NameType;
  /** The namespace that holds (or would hold) the last name, and that name. */
  readonly parent: Inline<ObjectId>;
  name: str;
}

/** ID 1 stands for `/bin`, which is no namespace object. */
const BIN_ID = 1;

function namespaceAt(id: ObjectId): Namespace | null {
  const namespace = at<Namespace>(dataOf(openObject(id)));
  return namespace.magic === NAMESPACE_MAGIC ? namespace : null;
}

/** Makes an empty object a namespace. */
export function initNamespace(id: ObjectId): void {
  const base = openObject(id);
  const namespace = at<Namespace>(dataOf(base));
  persist(addressOf(namespace), sizeof<Namespace>());
  setSize(base, sizeof<Namespace>());
  storePersistent(ptrTo(namespace.magic).address, NAMESPACE_MAGIC);
}

export function nameOf(entry: NameEntry): str {
  return strOf(entry.name.ptr, u64(entry.length));
}

export function idOf(entry: NameEntry): ObjectId {
  return entry.ids[u64(entry.state >> 1) & 1];
}

export function isUsed(entry: NameEntry): bool {
  return (entry.state & 1) !== 0;
}

function findEntry(namespace: Namespace, name: str): NameEntry | null {
  for (let i: u64 = 0; i < namespace.count; i++) {
    const entry: NameEntry = namespace.entries.ptr[i];
    if (isUsed(entry) && nameOf(entry).equals(name)) return entry;
  }
  return null;
}

/** The ID of the root namespace; false before there is one. */
export function rootNamespace(id: ObjectId): bool {
  const root = programArguments().root;
  if (root.lo !== 0 || root.hi !== 0) {
    assign(id, root);
    return true;
  }
  return syscall(SYS_ROOT, ROOT_NAMES, addressOf(id), 0, 0, 0) === 0;
}

/** The program of the boot archive with this name; false if there is none. */
export function findProgram(name: str, id: ObjectId): bool {
  const archive = stack<ObjectId>();
  if (syscall(SYS_ROOT, ROOT_ARCHIVE, addressOf(archive), 0, 0, 0) !== 0) return false;
  const base = mapObject(archive.lo, archive.hi, READ);
  const list = at<KsoList>(dataOf(base));
  for (let i: u64 = 0; i < list.count; i++) {
    if (!archiveName(base, i).equals(name)) continue;
    assign(id, list.entries[i].id);
    return true;
  }
  return false;
}

/** Name of entry `index` of the archive mapped at `base`. */
export function archiveName(base: usize, index: u64): str {
  const text = base + ARCHIVE_NAMES + index * ARCHIVE_NAME_SIZE;
  let length: u64 = 0;
  while (length < ARCHIVE_NAME_SIZE && load<u8>(text + length) !== 0) length++;
  return strOf(at<Ptr<u8>>(text), length);
}

export function isBin(id: ObjectId): bool {
  return id.lo === BIN_ID && id.hi === 0;
}

/**
 * Looks a path up. Returns 0; −ENOENT with `parent` and `name` set when only the last name is missing, and with an empty
 * `name` when a part before it is; −EINVAL when a part before the last is not a namespace, −EPERM when one may not be read, −EIO when one is lost.
 */
export function lookup(path: str, found: Found): i64 {
  let rest = path;
  found.name = '';
  if (path.length !== 0 && path[0] === u8('/')) {
    if (!rootNamespace(found.id)) return -ENOENT;
  } else assign(found.id, programArguments().directory);
  if (found.id.lo === 0 && found.id.hi === 0 && !rootNamespace(found.id)) return -ENOENT;
  found.type = NameType.namespace;
  assign(found.parent, found.id);
  for (;;) {
    let start: u64 = 0;
    while (start < rest.length && rest[start] === u8('/')) start++;
    if (start === rest.length) return 0;
    let end = start;
    while (end < rest.length && rest[end] !== u8('/')) end++;
    const part = rest.subslice(start, end);
    rest = rest.subslice(end);
    if (found.type !== NameType.namespace) return -EINVAL;
    const result = step(part, found);
    if (result !== 0) {
      // Is anything but slashes left?
      for (const byte of rest.bytes) if (byte !== u8('/')) found.name = '';
      return result;
    }
  }
}

function step(part: str, found: Found): i64 {
  if (part.equals('.')) return 0;
  assign(found.parent, found.id);
  found.name = part;
  if (isBin(found.id)) {
    if (part.equals('..')) return rootNamespace(found.id) ? 0 : -ENOENT;
    if (!findProgram(part, found.id)) return -ENOENT;
    found.type = NameType.object;
    return 0;
  }
  const closed = readError(dataOf(openObject(found.id)));
  if (closed !== 0) return closed === -ENOENT ? -EIO : closed;
  const namespace = namespaceAt(found.id);
  if (namespace === null) return -EINVAL;
  if (part.equals('..')) {
    if (namespace.parent.lo !== 0 || namespace.parent.hi !== 0) assign(found.id, namespace.parent);
    return 0;
  }
  const entry = findEntry(namespace, part);
  if (entry === null) {
    const root = stack<ObjectId>();
    if (part.equals('bin') && rootNamespace(root) && root.lo === found.id.lo && root.hi === found.id.hi) {
      found.id.lo = BIN_ID;
      found.id.hi = 0;
      return 0;
    }
    return -ENOENT;
  }
  found.type = changetype<NameType>(entry.type);
  assign(found.id, idOf(entry));
  return 0;
}

/** The ID that one name in a namespace stands for; false if there is none. */
export function stepInto(parent: ObjectId, name: str, id: ObjectId): bool {
  const namespace = namespaceAt(parent);
  if (namespace === null) return false;
  const entry = findEntry(namespace, name);
  if (entry === null) return false;
  assign(id, idOf(entry));
  return true;
}

/** The name that a namespace has for an object; empty if there is none. */
export function nameIn(parent: ObjectId, id: ObjectId): str {
  const stat = stack<StatResult>();
  if (isBin(parent) || (parent.lo === 0 && parent.hi === 0) || statObject(parent, stat) !== 0) return '';
  const namespace = namespaceAt(parent);
  if (namespace === null) return '';
  for (let i: u64 = 0; i < namespace.count; i++) {
    const entry: NameEntry = namespace.entries.ptr[i];
    if (isUsed(entry) && idOf(entry).lo === id.lo && idOf(entry).hi === id.hi) return nameOf(entry);
  }
  return '';
}

/** The lock of those who change names in a namespace; who reads needs none. */
export function namesLock(namespace: Namespace): Mutex {
  return at<Mutex>(addressOf(namespace.mutex));
}

/** Gives `name` in a namespace to an object; `replace`: even if it is taken. Crash consistent. */
export function assignName(parent: ObjectId, name: str, id: ObjectId, type: NameType, replace: bool): i64 {
  if (name.length === 0 || name.length > NAME_MAX) return -EINVAL;
  if ((rightsTo(parent) & WRITE) === 0) return -EPERM;
  const namespace = namespaceAt(parent);
  if (namespace === null) return -EINVAL;
  // If there is no space for another entry the program is told before it has the lock.
  touch(addressOf(namespace.entries.ptr[namespace.count]) + sizeof<NameEntry>() - 8);
  using held = namesLock(namespace).hold();
  return assignLocked(namespace, name, id, type, replace);
}

/** `assignName` for who has the namespace's lock. */
export function assignLocked(
  namespace: Namespace,
  name: str,
  id: ObjectId,
  type: NameType,
  replace: bool,
): i64 {
  const known = findEntry(namespace, name);
  if (known !== null) {
    if (!replace) return -EEXIST;
    const other = ((known.state >> 1) & 1) ^ 1;
    assign(known.ids[u64(other)], id);
    persist(addressOf(known), sizeof<NameEntry>());
    volatileStore<u32>(ptrTo(known.state).address, (other << 1) | 1);
    persist(addressOf(known), sizeof<NameEntry>());
    return 0;
  }
  let index: u64 = 0;
  while (index < namespace.count && isUsed(namespace.entries.ptr[index])) index++;
  const entry: NameEntry = namespace.entries.ptr[index];
  memory.copy(addressOf(entry.name), name.ptr.address, name.length);
  entry.length = u32(name.length);
  entry.type = u32(type);
  assign(entry.ids[0], id);
  clean(addressOf(entry), sizeof<NameEntry>());
  persistFence();
  if (index === namespace.count) storePersistent(ptrTo(namespace.count).address, index + 1);
  volatileStore<u32>(ptrTo(entry.state).address, 1);
  persist(addressOf(entry), sizeof<NameEntry>());
  return 0;
}

/** Takes a name away. */
export function removeName(parent: ObjectId, name: str): i64 {
  if ((rightsTo(parent) & WRITE) === 0) return -EPERM;
  const namespace = namespaceAt(parent);
  if (namespace === null) return -EINVAL;
  using held = namesLock(namespace).hold();
  const entry = findEntry(namespace, name);
  if (entry === null) return -ENOENT;
  volatileStore<u32>(ptrTo(entry.state).address, 0);
  persist(addressOf(entry), sizeof<NameEntry>());
  return 0;
}

/** Has the namespace no names? */
export function isEmpty(id: ObjectId): bool {
  const namespace = namespaceAt(id);
  if (namespace === null) return false;
  for (let i: u64 = 0; i < namespace.count; i++) if (isUsed(namespace.entries.ptr[i])) return false;
  return true;
}

/** The namespace of an ID, or null when the object is none. */
export function openNamespace(id: ObjectId): Namespace | null {
  return namespaceAt(id);
}
