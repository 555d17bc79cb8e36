/**
 * Torture workload: rights. Capabilities are signed into a security context, a second one for the same object, and revoked. What counts is what
 * the kernel then lets a thread do that has this context and no other: after a power failure a capability holds or is not there.
 */
import '../libtwz/torture-only.ts';
import { NameType } from '../abi/name.ts';
import { DELETE, ObjectId, READ, WRITE } from '../abi/object.ts';
import { CREATE_PERSIST, StatResult } from '../abi/syscall.ts';
import { grant, revokeBelow, Terms } from '../libtwz/capability.ts';
import { createContext } from '../libtwz/context.ts';
import { createKeyring, findKey, OWN_KEY, openKeyring } from '../libtwz/keyring.ts';
import { assignName, rootNamespace, stepInto } from '../libtwz/name.ts';
import { createObject, createWithKey, dataOf, openObject, statObject } from '../libtwz/object.ts';
import { persist } from '../libtwz/persist.ts';
import { Thread } from '../libtwz/thread.ts';
import { finish, mix, runWorkload } from '../libtwz/torture.ts';

/** What `setup` made: IDs in the data of the object that has the name. */
class Made {
  readonly keyring: Inline<ObjectId>;
  readonly context: Inline<ObjectId>;
  /** Nobody has default rights to it. */
  readonly target: Inline<ObjectId>;
}

function made(): Made {
  const names = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!rootNamespace(names) || !stepInto(names, 'made', id)) finish(10);
  return at<Made>(dataOf(openObject(id)));
}

function must(result: i64): void {
  if (result !== 0) finish(11);
}

function setup(): void {
  const names = stack<ObjectId>();
  const id = stack<ObjectId>();
  must(createObject(id, READ | WRITE | DELETE | CREATE_PERSIST));
  if (!rootNamespace(names)) finish(12);
  must(assignName(names, 'made', id, NameType.object, false));
  const all = made();
  must(createKeyring(all.keyring));
  const half = findKey(openKeyring(all.keyring)!, OWN_KEY)!.publicHalf;
  must(createContext(all.context, half));
  must(createWithKey(all.target, CREATE_PERSIST, half));
  persist(addressOf(all), sizeof<Made>());
}

function operation(index: u64): void {
  const all = made();
  if (index === 3) {
    must(revokeBelow(all.target, 1));
    return;
  }
  const key = findKey(openKeyring(all.keyring)!, OWN_KEY)!;
  const terms = stack<Terms>();
  terms.rights = index === 1 ? READ : WRITE;
  must(grant(all.context, all.target, terms, addressOf(key.seed)));
}

const asked = zeroed<ObjectId>();

/** Rights to the object of ID `asked`, as the thread has them. */
function rightsOf(_argument: u64): u64 {
  const stat = stack<StatResult>();
  return statObject(asked, stat) === 0 ? stat.rights : 0;
}

/** What a thread in the context may do to the target. */
function check(): u64 {
  const all = made();
  const thread = stack<Thread>();
  assign(asked, all.target);
  must(thread.startIn(all.context, rightsOf, 0, 0));
  return mix(0, thread.join());
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
