/**
 * Objects: making, finding out about, deleting; handles on mapped ones. A handle is the address of offset 0 of a mapped object.
 */

import {
  META_OFFSET,
  MetaInfo,
  MIF_SIZE,
  OBJ_MAXSIZE,
  OBJ_NULLPAGE,
  ObjectId,
  READ,
  WRITE,
} from '../abi/object.ts';
import {
  CONFIG_STORE_TOTAL,
  CREATE_PERSIST,
  CREATE_VOLATILE,
  CreateArgs,
  CreateSource,
  StatResult,
  SYS_CONFIG,
  SYS_CREATE,
  SYS_DELETE,
  SYS_STAT,
} from '../abi/syscall.ts';
import { storePersistent } from './persist.ts';
import { syscall } from './syscall.ts';
import { mapObject } from './view.ts';

/** Creates an object (flags: CREATE_*, default rights); its ID goes to `id`. Returns 0 or −Errno. */
export function createObject(id: ObjectId, flags: u64): i64 {
  const args = stack<CreateArgs>();
  args.flags = flags;
  const result = syscall(SYS_CREATE, addressOf(args), 0, 0, 0, 0);
  assign(id, args.id);
  return result;
}

/** Creates an object whose capabilities the key object `key` signs. */
export function createWithKey(id: ObjectId, flags: u64, key: ObjectId): i64 {
  const args = stack<CreateArgs>();
  args.flags = flags;
  assign(args.kuid, key);
  const result = syscall(SYS_CREATE, addressOf(args), 0, 0, 0, 0);
  assign(id, args.id);
  return result;
}

/** The CREATE_ flag for objects that are to last as long as this machine can make them. */
export function lasting(): u64 {
  return syscall(SYS_CONFIG, CONFIG_STORE_TOTAL, 0, 0, 0, 0) > 0 ? CREATE_PERSIST : CREATE_VOLATILE;
}

/** Creates an object that is a copy-on-write copy of `source`. */
export function copyObject(id: ObjectId, source: ObjectId, flags: u64): i64 {
  const none = stack<ObjectId>();
  return copyWithKey(id, source, flags, none);
}

/** The same, for an object whose capabilities the key object `key` signs; 0: nobody does. */
export function copyWithKey(id: ObjectId, source: ObjectId, flags: u64, key: ObjectId): i64 {
  const args = stack<CreateArgs>();
  const from = stack<CreateSource>();
  assign(from.source, source);
  assign(args.kuid, key);
  args.flags = flags;
  args.sources = changetype<Ptr<u8>>(addressOf(from));
  args.sourceCount = 1;
  const result = syscall(SYS_CREATE, addressOf(args), 0, 0, 0, 0);
  assign(id, args.id);
  return result;
}

/** Marks an object deleted: it ends with its last user. Returns 0 or −Errno. */
export function deleteObject(id: ObjectId): i64 {
  return syscall(SYS_DELETE, id.lo, id.hi, 0, 0, 0);
}

/** Facts about an object. Returns 0 or −Errno. */
export function statObject(id: ObjectId, result: StatResult): i64 {
  return syscall(SYS_STAT, id.lo, id.hi, addressOf(result), 0, 0);
}

/** What the calling thread may do with an object; 0 when there is no such object. */
export function rightsTo(id: ObjectId): u64 {
  const stat = stack<StatResult>();
  return statObject(id, stat) === 0 ? stat.rights : 0;
}

/** Maps an object for reading and writing; over-asking is harmless, rights are judged at each access. */
export function openObject(id: ObjectId): usize {
  return mapObject(id.lo, id.hi, READ | WRITE);
}

/** First byte of an object's data. */
export function dataOf(base: usize): usize {
  return base + OBJ_NULLPAGE;
}

/** The object that an address lies in. */
export function baseOf(address: usize): usize {
  return address & ~u64(OBJ_MAXSIZE - 1);
}

export function metaOf(base: usize): MetaInfo {
  return at<MetaInfo>(base + META_OFFSET);
}

/** Bytes of data that the object says it has; 0 if it does not say. */
export function sizeOf(base: usize): u64 {
  const meta = metaOf(base);
  return (meta.flags & MIF_SIZE) !== 0 ? meta.size : 0;
}

/** Sets how many bytes of data the object has, persistently. */
export function setSize(base: usize, size: u64): void {
  const meta = metaOf(base);
  storePersistent(ptrTo(meta.size).address, size);
  if ((meta.flags & MIF_SIZE) !== 0) return;
  meta.flags |= MIF_SIZE;
  cbo.clean(addressOf(meta));
  fence('rw', 'rw');
}

export function sameId(a: ObjectId, b: ObjectId): bool {
  return a.lo === b.lo && a.hi === b.hi;
}
