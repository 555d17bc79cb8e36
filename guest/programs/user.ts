/**
 * `user add NAME | password [NAME] | ls`: users. A new one gets a security context, and a home in `/home` that only capabilities open: one for this
 * context is signed on the spot.
 */
import '../libtwz/start.ts';
import { NameEntry, NameType } from '../abi/name.ts';
import { DELETE, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { UserRecord } from '../abi/user.ts';
import { errorText } from '../libtwz/errors.ts';
import { complain, printLine } from '../libtwz/io.ts';
import { assignName, Found, initNamespace, isUsed, lookup, nameOf, openNamespace } from '../libtwz/name.ts';
import { createLasting, createWithKey, deleteObject, lasting } from '../libtwz/object.ts';
import { argument, argumentCount } from '../libtwz/program.ts';
import { createContext, createKey, grant, publicHalf } from '../libtwz/security.ts';
import { askPassword, forgetPassword, setPassword } from './users/password.ts';
import { findUser, keepUser, usersNamespace } from './users/records.ts';

const USAGE = 'user add NAME | password [NAME] | ls';
const ROOT = 'root';

function fail(what: str, message: str): u64 {
  complain('user', what, message);
  return 1;
}

/** The namespace of homes, made if there is none. */
function homes(id: ObjectId): bool {
  const found = stack<Found>();
  if (lookup('/home', found) === 0) {
    assign(id, found.id);
    return found.type === NameType.namespace;
  }
  if (found.name.length === 0 || createLasting(id, READ | WRITE | DELETE | USE) !== 0) return false;
  initNamespace(id);
  assign(openNamespace(id)!.parent, found.parent);
  return assignName(found.parent, found.name, id, NameType.namespace, false) === 0;
}

/** Makes a home that only this user's context opens. Returns 0 or −Errno. */
function makeHome(name: str, user: UserRecord): i64 {
  const parent = stack<ObjectId>();
  const key = stack<ObjectId>();
  const half = stack<ObjectId>();
  if (!homes(parent)) return -1;
  let result = createKey(key);
  if (result === 0 && publicHalf(key, half)) result = createWithKey(user.home, lasting(), half);
  if (result === 0) {
    initNamespace(user.home);
    assign(openNamespace(user.home)!.parent, parent);
    result = grant(user.context, user.home, READ | WRITE | USE, key);
  }
  if (result === 0) result = assignName(parent, name, user.home, NameType.namespace, false);
  // Nobody needs to sign for it again; the superuser opens it anyway.
  deleteObject(key);
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
  let result = createContext(user.context);
  if (result === 0) result = makeHome(name, user);
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
  if (count === 3 && action.equals('add')) return add(argument(2));
  if ((count === 2 || count === 3) && action.equals('password'))
    return changePassword(count === 3 ? argument(2) : ROOT);
  if (count === 2 && action.equals('ls')) return list();
  complain('usage', '', USAGE);
  return 2;
}
