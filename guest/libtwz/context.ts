/** Security context objects: making them, telling them, masking what they let through (guest/abi/security.ts; docs/kernel.md, Security). */
import { KsoType } from '../abi/kso.ts';
import { ObjectId, READ } from '../abi/object.ts';
import { ContextHeader } from '../abi/security.ts';
import { SYS_REVOKE } from '../abi/syscall.ts';
import { KsoHeader } from '../abi/view.ts';
import { createWithKey, dataOf, lasting, openObject, rightsTo, setSize } from './object.ts';
import { persist, storePersistent } from './persist.ts';
import { syscall } from './syscall.ts';

/**
 * Makes an empty security context that takes no default rights away; `kuid` names the key that signs delegations of what it will be given. It has no
 * default rights itself: only the superuser can use it, or who is granted USE of it. Returns 0 or −Errno.
 */
export function createContext(id: ObjectId, kuid: ObjectId): i64 {
  const result = createWithKey(id, lasting(), kuid);
  if (result === 0) initContext(id);
  return result;
}

/** Makes an empty object of the caller's a security context. */
export function initContext(id: ObjectId): void {
  const base = openObject(id);
  const header = at<ContextHeader>(dataOf(base));
  header.kso.type = u32(KsoType.context);
  persist(addressOf(header.kso), sizeof<KsoHeader>());
  setSize(base, sizeof<ContextHeader>());
}

/** Is the object a security context that the caller may read? */
export function isContext(id: ObjectId): bool {
  if ((rightsTo(id) & READ) === 0) return false;
  return at<ContextHeader>(dataOf(openObject(id))).kso.type === u32(KsoType.context);
}

/** The rights that a context takes away from the default ones of all objects. */
export function maskOf(id: ObjectId): u64 {
  return u64(at<ContextHeader>(dataOf(openObject(id))).globalMask);
}

/** From now on the context takes these default rights away. Returns 0 or −Errno. */
export function setMask(id: ObjectId, rights: u64): i64 {
  const place = ptrTo(at<ContextHeader>(dataOf(openObject(id))).globalMask).address;
  // The word that follows shares the store's eight bytes and stays as it is.
  storePersistent(place, (load<u64>(place) & 0xffff_ffff_0000_0000) | rights);
  return syscall(SYS_REVOKE, id.lo, id.hi, 0, 0, 0);
}
