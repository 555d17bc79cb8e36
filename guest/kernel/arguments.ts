/** What every system call does with its caller: reads arguments, finds the objects that they name, asks for rights. */
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
