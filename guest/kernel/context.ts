/**
 * Security contexts in use: the record that the hardware reads (docs/xtwz.md §3.5), and the computation of what a context
 * grants. The record's table is a cache of that computation: an entry is made when the first fault asks, after the
 * capabilities have been verified (capability.ts), and taken out when rights are revoked.
 */
import { KsoType } from '../abi/kso.ts';
import { OBJ_NULLPAGE } from '../abi/object.ts';
import { ContextHeader } from '../abi/security.ts';
import { invalidateObject, toPhysical } from './arch.ts';
import { capabilityRights, expiryPassed } from './capability.ts';
import { enlist, unlist } from './kso.ts';
import { Slab } from './memory.ts';
import { descriptorOf, dropObject, holdObject, KObject } from './object.ts';
import { TableEntry, tableFind, tableFree, tableInsert, tableRemove, tableVisit } from './table.ts';
import { peekPage } from './tree.ts';

const POLICY_DEF = 0x100;
const POLICY_ALL = 0x200;
const RIGHTS_MASK = 0x7c;

/**
 * A context in use; the first 16 bytes are the hardware's.
 * @align 64
 */
export class Context {
  table: u64;
  policy: u64;
  /** The context object; null for the two contexts that the kernel makes. */
  object: KObject | null;
  /** Threads that have it attached. */
  users: u64;
  next: Context | null;
  readonly reserved: FixedArray<u64, 3>;
}

const contexts = zeroed<Slab>();
let first: Context | null = null;
let superuser: Context = at<Context>(8);
let anonymous: Context = at<Context>(8);

/** Makes the kernel's own two contexts: one that may do everything, one that has only default rights. */
export function initContexts(): void {
  contexts.size = sizeof<Context>();
  superuser = at<Context>(contexts.allocate());
  superuser.policy = POLICY_ALL;
  superuser.users = 1;
  anonymous = at<Context>(contexts.allocate());
  anonymous.policy = POLICY_DEF;
  anonymous.users = 1;
}

/** init's context. */
export function superuserContext(): Context {
  return superuser;
}

/** The context of a thread that has none attached. */
export function anonymousContext(): Context {
  return anonymous;
}

/** The context of a context object, in use from now on (held). Null: out of memory. */
export function useContext(object: KObject): Context | null {
  if (object.context !== 0) {
    const known = at<Context>(object.context);
    return known;
  }
  const block = contexts.allocate();
  if (block === 0) return null;
  const context = at<Context>(block);
  context.object = object;
  // Without DEF every first use of an object faults, and the kernel computes defaults, masks and capabilities together.
  context.policy = 0;
  object.context = block;
  holdObject(object);
  context.next = first;
  first = context;
  enlist(object, KsoType.context, 0);
  return context;
}

export function holdContext(context: Context): void {
  context.users++;
}

/** One user less; a context that nobody uses is forgotten (its object is not). */
export function dropContext(context: Context): void {
  context.users--;
  if (context.users === 0) releaseContext(context);
}

/** Forgets a context without users, such as one that was looked up and not attached. */
export function releaseContext(context: Context): void {
  const object = context.object;
  if (context.users !== 0 || object === null) return;
  if (first === context) first = context.next;
  else {
    let cursor = first;
    while (cursor !== null && cursor.next !== context) cursor = cursor.next;
    if (cursor !== null) cursor.next = context.next;
  }
  invalidateObject(0, toPhysical(addressOf(context)));
  tableFree(addressOf(context));
  unlist(object);
  object.context = 0;
  contexts.release(addressOf(context));
  dropObject(object);
}

/** Default rights of an object under a context object's mask. */
export function defaultRights(context: KObject, target: KObject): u64 {
  const page = peekPage(context, OBJ_NULLPAGE);
  const mask = page === 0 ? 0 : u64(at<ContextHeader>(page).globalMask);
  return target.attributes & RIGHTS_MASK & ~mask;
}

/** What a context is known to grant to an object without computing anything. */
export function cachedRights(context: Context, target: KObject): u64 {
  if ((context.policy & (POLICY_ALL | POLICY_DEF)) !== 0) return computeRights(context, target);
  const entry = tableFind(addressOf(context), target.lo, target.hi);
  return entry === null ? 0 : entry.value & RIGHTS_MASK;
}

/** What a context grants to an object, computed anew: defaults reduced by the context's mask, and verified capabilities. */
export function computeRights(context: Context, target: KObject): u64 {
  if ((context.policy & POLICY_ALL) !== 0) return RIGHTS_MASK;
  const object = context.object;
  if (object === null) return target.attributes & RIGHTS_MASK;
  return defaultRights(object, target) | capabilityRights(object, target);
}

/**
 * Recomputes what `context` grants to `target` and enters it where the hardware looks. What it grants no more (a capability was
 * taken out, a mask widened) is dropped on all harts.
 */
export function refreshRights(context: Context, target: KObject): u64 {
  const rights = computeRights(context, target);
  if ((context.policy & (POLICY_ALL | POLICY_DEF)) !== 0) return rights;
  const entry = tableFind(addressOf(context), target.lo, target.hi);
  // Without memory for the entry the hardware would never know: nothing is granted.
  if (entry === null)
    return tableInsert(addressOf(context), target.lo, target.hi, rights, addressOf(target)) ? rights : 0;
  const before = entry.value;
  volatileStore<u64>(ptrTo(entry.value).address, rights | 1);
  if ((before & RIGHTS_MASK & ~rights) !== 0)
    invalidateObject(descriptorOf(target), toPhysical(addressOf(context)));
  return rights;
}

/** Drops what contexts have cached once the validity of a capability that it came from has ended. */
export function expireRights(): void {
  if (!expiryPassed()) return;
  let context = first;
  while (context !== null) {
    refreshContext(context);
    context = context.next;
  }
}

/** No context has anything cached about an object any more; the caller invalidates. */
export function forgetRights(target: KObject): void {
  let context = first;
  while (context !== null) {
    const entry = tableFind(addressOf(context), target.lo, target.hi);
    if (entry !== null) tableRemove(entry);
    context = context.next;
  }
}

/** What every context has cached about an object is computed anew at the next access: capabilities were revoked. */
export function revokeRights(target: KObject): void {
  forgetRights(target);
  invalidateObject(descriptorOf(target), 0);
}

/** Everything that one context has cached is computed anew: its object changed. */
export function refreshContext(context: Context): void {
  tableVisit(addressOf(context), removeEntry, 0);
  invalidateObject(0, toPhysical(addressOf(context)));
}

function removeEntry(entry: TableEntry, _argument: u64): void {
  tableRemove(entry);
}

static_assert(sizeof<Context>() === 64, 'Context');
