/**
 * `user add NAME | password [NAME] | ls`: users. A new one gets a keyring, a security context, which is named in `/contexts`, and a home in `/home`;
 * only capabilities open them, and those for this context are signed on the spot.
 */
import '../libtwz/start.ts';
import { NameEntry, NameType } from '../abi/name.ts';
import { ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { ENOSPC } from '../abi/syscall.ts';
import { UserRecord } from '../abi/user.ts';
import { createContext } from '../libtwz/context.ts';
import { errorText } from '../libtwz/errors.ts';
import { createHome } from '../libtwz/home.ts';
import { complain, printLine } from '../libtwz/io.ts';
import { createKeyring, findKey, OWN_KEY, openKeyring } from '../libtwz/keyring.ts';
import {
  assignName,
  initNamespace,
  isUsed,
  nameOf,
  openNamespace,
  rootNamespace,
  stepInto,
} from '../libtwz/name.ts';
import { lasting } from '../libtwz/object.ts';
import { createOwned, grantAll } from '../libtwz/owner.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { askPassword, forgetPassword, setPassword } from './users/password.ts';
import { findUser, keepUser, mayReadUsers, usersNamespace } from './users/records.ts';

const USAGE = 'user add NAME | password [NAME] | ls';
const ROOT = 'root';

function fail(what: str, message: str): u64 {
  complain('user', what, message);
  return 1;
}

/** A namespace below the root that everybody reads, made if there is none; `rights`: of everybody. False: it cannot be had. */
function commonNamespace(name: str, rights: u64, id: ObjectId): bool {
  const root = stack<ObjectId>();
  if (!rootNamespace(root)) return false;
  if (stepInto(root, name, id)) return openNamespace(id) !== null;
  if (createOwned(id, rights | lasting()) !== 0) return false;
  initNamespace(id);
  assign(openNamespace(id)!.parent, root);
  return assignName(root, name, id, NameType.namespace, false) === 0;
}

/**
 * Makes what is a user's own, all protected by the key `own` of a new keyring: the security context, which gets capabilities for itself, for the ring
 * and for the home. Returns 0 or −Errno.
 */
function makeUser(name: str, user: UserRecord): i64 {
  const homes = stack<ObjectId>();
  const contexts = stack<ObjectId>();
  const shared = stack<ObjectId>();
  if (
    !commonNamespace('home', READ | USE, homes) ||
    !commonNamespace('contexts', READ | USE, contexts) ||
    !commonNamespace('shared', READ | WRITE | USE, shared)
  )
    return -ENOSPC;
  let result = createKeyring(user.keyring);
  if (result !== 0) return result;
  const ring = openKeyring(user.keyring)!;
  const key = findKey(ring, OWN_KEY)!;
  result = createContext(user.context, key.publicHalf);
  if (result === 0) result = grantAll(user.context, user.context, addressOf(key.seed));
  if (result === 0) result = createHome(user.context, user.keyring, user.home, homes);
  if (result === 0) result = assignName(contexts, name, user.context, NameType.object, false);
  if (result === 0) result = assignName(homes, name, user.home, NameType.namespace, false);
  return result;
}

function isName(name: str): bool {
  for (const byte of name.bytes) if (byte === u8('/') || byte === u8('.') || byte <= u8(' ')) return false;
  return name.length !== 0 && name.length <= 32;
}

function add(name: str): u64 {
  const id = stack<ObjectId>();
  if (!isName(name)) return fail(name, 'a name has 1 to 32 characters, no blank, point or slash');
  if (name.equals(ROOT) || findUser(name, id) !== null) return fail(name, 'there is such a user');
  const user = stack<UserRecord>();
  let result = makeUser(name, user);
  if (result === 0) result = keepUser(name, user, id);
  return result === 0 ? 0 : fail(name, errorText(result));
}

function changePassword(name: str): u64 {
  const id = stack<ObjectId>();
  const record = stack<UserRecord>();
  const user = findUser(name, id);
  if (user !== null) assign(record, user);
  else if (!name.equals(ROOT)) return fail(name, 'no such user');
  if (!askPassword('new password (nothing: none is asked for): ')) return 1;
  let result = setPassword(record);
  forgetPassword();
  if (result === 0) result = keepUser(name, record, id);
  return result === 0 ? 0 : fail(name, errorText(result));
}

function list(): u64 {
  const users = stack<ObjectId>();
  const root = stack<ObjectId>();
  if (findUser(ROOT, root) === null) printLine(ROOT);
  if (!usersNamespace(users, false)) return 0;
  const namespace = openNamespace(users);
  if (namespace === null) return 0;
  for (let i: u64 = 0; i < namespace.count; i++) {
    const entry: NameEntry = namespace.entries.ptr[i];
    if (isUsed(entry)) printLine(nameOf(entry));
  }
  return 0;
}

/** @export */
function main(): u64 {
  const count = argumentCount();
  const action = argument(1);
  if (count === 2 && action.equals('--help')) {
    printLine(USAGE);
    printLine('makes users and passwords; with a password for root, booting asks who is there');
    return 0;
  }
  const isUse =
    count > 1 && count < 4 && (action.equals('add') || action.equals('password') || action.equals('ls'));
  if (isUse && !mayReadUsers()) return fail('/users', 'you have not the right to read it');
  if (count === 3 && action.equals('add')) return add(argument(2));
  if ((count === 2 || count === 3) && action.equals('password'))
    return changePassword(count === 3 ? argument(2) : ROOT);
  if (count === 2 && action.equals('ls')) return list();
  complain('usage', '', USAGE);
  return 2;
}
