/**
 * System calls on objects: create, delete, pin, tie, copy, stat. Each asks what the caller's contexts grant to every object that it names.
 */
import { DELETE, MIP_HASHDATA, ObjectId, READ, WRITE } from '../abi/object.ts';
import {
  CopyArgs,
  CREATE_TIED,
  CreateArgs,
  CreateSource,
  DELETE_IMMEDIATE,
  DELETE_UNDO,
  EEXIST,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENOSPC,
  EPERM,
  PIN_REMOVE,
  STAT_DAMAGED,
  STAT_DELETED,
  STAT_HASHDATA,
  STAT_PERSISTENT,
  STAT_PINNED,
  StatResult,
  TIE_REMOVE,
} from '../abi/syscall.ts';
import { allowed, argument, findArgument, permitted, permittedArgument, refusal } from './arguments.ts';
import { copyRange, createdObject, createObject, existingHi, existingLo } from './create.ts';
import { threadRights } from './fault.ts';
import {
  deleteObject,
  findKnown,
  findObject,
  isImmutable,
  isPersistent,
  KO_DAMAGED,
  KO_DELETED,
  KO_PINNED,
  KObject,
  pinObject,
  undeleteObject,
} from './object.ts';
import { judgingIncomplete } from './signature.ts';
import { Thread } from './thread.ts';
import { tieObjects, untieObjects } from './tie.ts';
import { examine, pagesOf } from './tree.ts';
import { readUser, writeUser } from './user.ts';

const MAX_SOURCES = 64;

/** create(args): makes an object; its ID is written back into the arguments. */
export function sysCreate(thread: Thread): i64 {
  const args = stack<CreateArgs>();
  const address = argument(thread, 0);
  if (!readUser(addressOf(args), address, sizeof<CreateArgs>())) return -EFAULT;
  if (args.sourceCount > MAX_SOURCES) return -EINVAL;
  const sources = stack<FixedArray<Inline<CreateSource>, 64>>();
  const from = changetype<usize>(args.sources);
  if (
    args.sourceCount !== 0 &&
    !readUser(addressOf(sources), from, args.sourceCount * sizeof<CreateSource>())
  ) {
    return -EFAULT;
  }
  for (let i: u64 = 0; i < args.sourceCount; i++) {
    if (permitted(thread, sources[i].source, READ) === null) return refusal();
  }
  const result = createObject(args.flags, args.kuid.lo, args.kuid.hi, sources.ptr, args.sourceCount);
  if (result !== 0 && result !== -EEXIST) return result;
  args.id.lo = result === 0 ? createdObject().lo : existingLo();
  args.id.hi = result === 0 ? createdObject().hi : existingHi();
  const object = result === 0 ? createdObject() : null;
  if (object !== null && (args.flags & CREATE_TIED) !== 0) {
    if (!tieObjects(thread.repr, object)) {
      deleteObject(object, true);
      return -ENOMEM;
    }
    deleteObject(object, false);
  }
  if (writeUser(address + offsetof<CreateArgs>('id'), addressOf(args.id), sizeof<ObjectId>())) return result;
  // Nobody would know of it: there is no object.
  if (object !== null) deleteObject(object, true);
  return -EFAULT;
}

/** delete(lo, hi, flags). */
export function sysDelete(thread: Thread): i64 {
  const flags = argument(thread, 2);
  const object =
    (flags & DELETE_UNDO) !== 0
      ? findKnown(argument(thread, 0), argument(thread, 1))
      : findArgument(thread, 0);
  if (object === null) return -ENOENT;
  if (!allowed(thread, object, DELETE)) return -EPERM;
  if ((flags & DELETE_UNDO) !== 0) undeleteObject(object);
  else deleteObject(object, (flags & DELETE_IMMEDIATE) !== 0);
  return 0;
}

/** pin(lo, hi, flags): the object stays when it is deleted, until it is unpinned or the power goes. */
export function sysPin(thread: Thread): i64 {
  const object = permittedArgument(thread, 0, DELETE);
  if (object === null) return refusal();
  return pinObject(object, (argument(thread, 2) & PIN_REMOVE) === 0) ? 0 : -EINVAL;
}

/** tie(parent lo, hi, child lo, hi, flags). */
export function sysTie(thread: Thread): i64 {
  const parent = findArgument(thread, 0);
  const child = findArgument(thread, 2);
  if (parent === null || child === null) return -ENOENT;
  if (parent === child) return -EINVAL;
  // A tie keeps the child alive and is kept with the parent: it takes the right to change the one and to delete the other.
  if (parent !== thread.repr && !allowed(thread, parent, WRITE)) return -EPERM;
  if (!allowed(thread, child, DELETE)) return -EPERM;
  if ((argument(thread, 4) & TIE_REMOVE) !== 0) return untieObjects(parent, child) ? 0 : -ENOENT;
  return tieObjects(parent, child) ? 0 : isPersistent(parent) ? -ENOSPC : -ENOMEM;
}

/** copy(args): copies whole pages between objects, copy-on-write. */
export function sysCopy(thread: Thread): i64 {
  const args = stack<CopyArgs>();
  if (!readUser(addressOf(args), argument(thread, 0), sizeof<CopyArgs>())) return -EFAULT;
  const target = findObject(args.target.lo, args.target.hi);
  if (target === null) return -ENOENT;
  if (isImmutable(target) || !allowed(thread, target, READ | WRITE)) return -EPERM;
  let source: KObject | null = null;
  if (args.from.source.lo !== 0 || args.from.source.hi !== 0) {
    source = permitted(thread, args.from.source, READ);
    if (source === null) return refusal();
    if (source === target) return -EINVAL;
  }
  return copyRange(target, args.from.target, source, args.from.offset, args.from.length);
}

/** stat(lo, hi, result). It takes some right to the object, whichever. */
export function sysStat(thread: Thread): i64 {
  const object = findArgument(thread, 0);
  if (object === null) return -ENOENT;
  const rights = threadRights(thread, object);
  if (rights === 0 || judgingIncomplete()) return -EPERM;
  const result = stack<StatResult>();
  result.id.lo = object.lo;
  result.id.hi = object.hi;
  result.kuid.lo = object.kuidLo;
  result.kuid.hi = object.kuidHi;
  result.nonceLo = object.nonceLo;
  result.nonceHi = object.nonceHi;
  result.pFlags = u32(object.pFlags);
  result.pages = pagesOf(object);
  result.references = (object.references & 0xffff_ffff) + (object.references >> 32);
  result.rights = rights;
  result.revocation = object.revocation;
  if (isPersistent(object)) result.flags |= STAT_PERSISTENT;
  if ((object.flags & KO_DAMAGED) !== 0) examine(object);
  if ((object.flags & KO_DELETED) !== 0) result.flags |= STAT_DELETED;
  if ((object.flags & KO_DAMAGED) !== 0) result.flags |= STAT_DAMAGED;
  if ((object.flags & KO_PINNED) !== 0) result.flags |= STAT_PINNED;
  if ((object.pFlags & MIP_HASHDATA) !== 0) result.flags |= STAT_HASHDATA;
  return writeUser(argument(thread, 2), addressOf(result), sizeof<StatResult>()) ? 0 : -EFAULT;
}
