/**
 * Homes: what programs in a security context call their own. A home is a namespace that has, under the name `.keys`, the keyring of the context; both are protected by the key
 * `own` of that ring, and the context gets capabilities for them. Programs that are started with a home (programArguments) keep their transaction
 * logs there, and what they make is the context's alone (owner.ts).
 */
import { NameType } from '../abi/name.ts';
import { ObjectId } from '../abi/object.ts';
import { STREAM_EMPTY } from '../abi/program.ts';
import { findKey, OWN_KEY, openKeyring, setOwner } from './keyring.ts';
import { assignName, findProgram, initNamespace, openNamespace, stepInto } from './name.ts';
import { createProtected, grantAll } from './owner.ts';
import { Child } from './program.ts';
import { hasLogs } from './undo-log.ts';

/** The name of the keyring in its home. */
export const KEYS = '.keys';

/**
 * Makes a home below `parent` for a context whose keyring was just made, and makes the ring the context's. The home's name is the caller's to give.
 * Returns 0 or −Errno.
 */
export function createHome(context: ObjectId, keyring: ObjectId, home: ObjectId, parent: ObjectId): i64 {
  const ring = openKeyring(keyring)!;
  const key = findKey(ring, OWN_KEY)!;
  const seed = addressOf(key.seed);
  let result = createProtected(home, key.publicHalf, seed);
  if (result !== 0) return result;
  setOwner(ring, context);
  initNamespace(home);
  assign(openNamespace(home)!.parent, parent);
  result = grantAll(context, keyring, seed);
  if (result === 0) result = grantAll(context, home, seed);
  if (result === 0) result = assignName(home, KEYS, keyring, NameType.object, false);
  return result;
}

/** The keyring of a home; false: it has none. */
export function keyringOf(home: ObjectId, keyring: ObjectId): bool {
  return openNamespace(home) !== null && stepInto(home, KEYS, keyring);
}

/** Undoes what a power failure interrupted in the transactions of a home, in its context and with no rights but that one's. */
export function recoverHome(context: ObjectId, home: ObjectId): void {
  const program = stack<ObjectId>();
  const child = stack<Child>();
  if ((home.lo === 0 && home.hi === 0) || !hasLogs(home)) return;
  if (!findProgram('utils', program) || child.prepare(program) !== 0) return;
  child.inherit();
  assign(child.arguments.home, home);
  child.arguments.output.kind = STREAM_EMPTY;
  child.addArgument('recover');
  assign(child.context, context);
  if (child.start() === 0) child.wait();
  else child.discard();
}
