/** What every system call does with its caller: reads arguments, finds the objects that they name, asks for rights. */
import { ObjectId, READ } from '../abi/object.ts';
import { ENOENT, EPERM } from '../abi/syscall.ts';
import { hasRights } from './fault.ts';
import { findObject, KObject } from './object.ts';
import { Thread } from './thread.ts';

/** Argument `index` (0 to 5) of the call that the thread makes. */
export function argument(thread: Thread, index: u64): u64 {
  return thread.registers[10 + index];
}

/** Do the caller's contexts together grant all of `rights` to the object? */
export function allowed(thread: Thread, object: KObject, rights: u64): bool {
  return hasRights(thread, object, rights);
}

/** The object whose ID is in arguments `index` and `index` + 1; null: there is none. */
export function findArgument(thread: Thread, index: u64): KObject | null {
  return findObject(argument(thread, index), argument(thread, index + 1));
}

/** Why the last `permitted` or `permittedArgument` gave nothing: −Errno. */
let why: i64 = 0;

export function refusal(): i64 {
  return why;
}

function judged(thread: Thread, object: KObject | null, rights: u64): KObject | null {
  if (object !== null && allowed(thread, object, rights)) return object;
  why = object === null ? -ENOENT : -EPERM;
  return null;
}

/** The object of an ID to which the caller has `rights`; null: `refusal` says why not. */
export function permitted(thread: Thread, id: ObjectId, rights: u64): KObject | null {
  return judged(thread, findObject(id.lo, id.hi), rights);
}

/** The same for an ID in arguments `index` and `index` + 1. */
export function permittedArgument(thread: Thread, index: u64, rights: u64): KObject | null {
  return judged(thread, findArgument(thread, index), rights);
}

/** The view that a call names, which takes READ; none: the caller's own. Null: `refusal` says why not. */
export function permittedView(thread: Thread, id: ObjectId): KObject | null {
  return id.lo === 0 && id.hi === 0 ? thread.view : permitted(thread, id, READ);
}
