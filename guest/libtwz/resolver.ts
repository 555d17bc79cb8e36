/**
 * Names in foreign object tables: an entry that holds a name instead of an ID is resolved when a pointer is followed, so what it leads to
 * may be replaced, and an object may refer to what does not exist yet. Who resolves is the entry's choice:
 *
 *   0                      the hierarchical names of name.ts
 *   1 … RESOLVERS − 1      a function of this program, registered under that number
 *   a persistent pointer   a function in an object, of type `Resolver`, that reads nothing but its arguments
 *
 * What a pointer has led to is remembered; `forgetTranslation` has it resolved again. Derived entries lead to what each program makes of the object.
 */
import {
  DELETE,
  EXEC,
  FotEntry,
  OBJ_NULLPAGE,
  OBJ_OFFSET_MASK,
  OBJ_SHIFT,
  ObjectId,
  READ,
  WRITE,
} from '../abi/object.ts';
import { CREATE_TIED, CREATE_VOLATILE } from '../abi/syscall.ts';
import { Found, lookup } from './name.ts';
import { copyObject } from './object.ts';
import { fotEntry } from './pointer.ts';
import { mapForGood } from './view.ts';

/** Writes the ID that a name means to `id`; false: the name means nothing. */
export type Resolver = (name: str, id: ObjectId) => bool;

const RESOLVERS = 16;
const registered = zeroed<FixedArray<Resolver | null, 16>>();
/** Bytes of a name in a FOT entry, at most. */
const NAME_LIMIT = 4096;

/** Makes `resolver` the one that FOT entries of number `number` (1 to 15) mean in this program. */
export function registerResolver(number: u64, resolver: Resolver): void {
  if (number === 0 || number >= RESOLVERS) panic('resolvers have numbers from 1 to 15');
  registered[number] = resolver;
}

function hierarchical(name: str, id: ObjectId): bool {
  const found = stack<Found>();
  if (lookup(name, found) !== 0) return false;
  assign(id, found.id);
  return true;
}

/** The function that a persistent pointer in the object at `base` means, mapped for execution; null: there is none. */
function codeAt(base: usize, pointer: u64): Resolver | null {
  const index = pointer >> OBJ_SHIFT;
  if (index === 0) return changetype<Resolver>(base + pointer);
  const entry = fotEntry(base, index);
  if (entry === null) return null;
  return changetype<Resolver>(mapForGood(entry.lo, entry.hi, READ | EXEC) + (pointer & OBJ_OFFSET_MASK));
}

/** Makes an object of the one that `id` names, and writes its ID there; false: it cannot be made. */
export type Deriver = (id: ObjectId) => bool;

const derivers = zeroed<FixedArray<Deriver | null, 16>>();

/** Makes `deriver` the function that derived FOT entries of number `number` (1 to 15) mean in this program. */
export function registerDeriver(number: u64, deriver: Deriver): void {
  if (number === 0 || number >= RESOLVERS) panic('derivers have numbers from 1 to 15');
  derivers[number] = deriver;
}

/** A copy of the program's own, which ends with it. */
function deriveCopy(id: ObjectId): bool {
  const copy = stack<ObjectId>();
  if (copyObject(copy, id, READ | WRITE | DELETE | CREATE_VOLATILE | CREATE_TIED) !== 0) return false;
  assign(id, copy);
  return true;
}

/** Derives what a FOT entry leads to from the object `id`, and writes its ID there. */
export function deriveEntry(entry: FotEntry, id: ObjectId): bool {
  if (entry.info === 0) return deriveCopy(id);
  const deriver = entry.info < RESOLVERS ? derivers[entry.info] : null;
  return deriver !== null && deriver(id);
}

/** Resolves the name of a FOT entry of the object at `base`. */
export function resolveEntry(base: usize, entry: FotEntry, id: ObjectId): bool {
  const text = base + entry.lo;
  let length: u64 = 0;
  while (length < NAME_LIMIT && load<u8>(text + length) !== 0) length++;
  const name = strOf(at<Ptr<u8>>(text), length);
  if (entry.hi === 0) return hierarchical(name, id);
  const resolver = entry.hi < OBJ_NULLPAGE ? registered[entry.hi % RESOLVERS] : codeAt(base, entry.hi);
  return resolver !== null && resolver(name, id);
}
