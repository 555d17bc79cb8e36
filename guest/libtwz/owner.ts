/**
 * Objects that belong to who makes them: they have no default rights and are protected by the key `own` of the program's keyring, and the context
 * of the ring's owner gets a capability for everything. Others get what they are granted (capability.ts). The superuser needs no capability; a
 * program without a keyring makes objects that are everybody's.
 */
import { ALL_RIGHTS, DELETE, EXEC, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { Keyring } from '../abi/security.ts';
import { CREATE_TIED, DELETE_UNDO, EINVAL, SYS_DELETE } from '../abi/syscall.ts';
import { grant, Terms } from './capability.ts';
import { findKey, OWN_KEY, ownKeyring } from './keyring.ts';
import { copyWithKey, createWithKey, lasting } from './object.ts';
import { syscall } from './syscall.ts';

/** What everybody may do with an object that is nobody's. */
const OPEN = READ | WRITE | DELETE | USE;

/** Creates an object that belongs to this program's user (flags: CREATE_*, default rights of others). Returns 0 or −Errno. */
export function createOwned(id: ObjectId, flags: u64): i64 {
  return create(id, null, flags);
}

/** Creates an object of the user's that lasts; where there is no object store, it lasts as long as the machine runs. Returns 0 or −Errno. */
export function createLasting(id: ObjectId): i64 {
  return create(id, null, lasting());
}

/** Creates an object of the user's that is a copy-on-write copy of `source`. Returns 0 or −Errno. */
export function copyOwned(id: ObjectId, source: ObjectId, flags: u64): i64 {
  return create(id, source, flags);
}

function create(id: ObjectId, source: ObjectId | null, flags: u64): i64 {
  const nobody = stack<ObjectId>();
  const ring = ownKeyring();
  if (ring === null) return make(id, source, flags | OPEN, nobody);
  const key = findKey(ring, OWN_KEY);
  if (key === null) return -EINVAL;
  if (!isUsers(ring)) return make(id, source, flags, key.publicHalf);
  // Until it is the user's, it ends with this thread: nobody could delete it.
  const result = make(id, source, flags | CREATE_TIED, key.publicHalf);
  if (result !== 0) return result;
  if ((flags & CREATE_TIED) !== 0) return grantAll(ring.context, id, addressOf(key.seed));
  return handOver(id, ring.context, addressOf(key.seed));
}

/** Gives a context all rights to a new object, which ends with this thread no longer. Returns 0 or −Errno. */
function handOver(id: ObjectId, context: ObjectId, seed: usize): i64 {
  const given = grantAll(context, id, seed);
  return given !== 0 ? given : syscall(SYS_DELETE, id.lo, id.hi, DELETE_UNDO, 0, 0);
}

/**
 * Creates an object that lasts and that another key than the caller's protects: `kuid`, the private half at `seed`. The caller may use it all the same.
 * Returns 0 or −Errno.
 */
export function createProtected(id: ObjectId, kuid: ObjectId, seed: usize): i64 {
  const ring = ownKeyring();
  if (ring === null || !isUsers(ring)) return createWithKey(id, lasting(), kuid);
  const result = createWithKey(id, lasting() | CREATE_TIED, kuid);
  return result !== 0 ? result : handOver(id, ring.context, seed);
}

function make(id: ObjectId, source: ObjectId | null, flags: u64, kuid: ObjectId): i64 {
  return source === null ? createWithKey(id, flags, kuid) : copyWithKey(id, source, flags, kuid);
}

/** Is the ring a user's, and not the superuser's, who needs no capabilities? */
export function isUsers(ring: Keyring): bool {
  return ring.context.lo !== 0 || ring.context.hi !== 0;
}

/** Gives a context all rights to an object that the key with the private half at `seed` protects. Returns 0 or −Errno. */
export function grantAll(context: ObjectId, id: ObjectId, seed: usize): i64 {
  const terms = stack<Terms>();
  terms.rights = ALL_RIGHTS & ~u64(EXEC);
  return grant(context, id, terms, seed);
}
