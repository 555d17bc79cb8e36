/** The records of users: found by name, made, replaced. A record is written whole into a new object that then takes the name: a power failure leaves the old one or the new one. */
import { NameEntry, NameType } from '../../abi/name.ts';
import { ObjectId, READ } from '../../abi/object.ts';
import { USER_MAGIC, UserRecord } from '../../abi/user.ts';
import { assignName, Found, idOf, initNamespace, isUsed, lookup, openNamespace } from '../../libtwz/name.ts';
import { createObject, dataOf, deleteObject, lasting, openObject, rightsTo } from '../../libtwz/object.ts';
import { persist } from '../../libtwz/persist.ts';

const FOLDER = '/users';

/** The namespace of users; `make`: made if there is none. False: there is none. */
export function usersNamespace(id: ObjectId, make: bool): bool {
  const found = stack<Found>();
  if (lookup(FOLDER, found) === 0) {
    assign(id, found.id);
    return found.type === NameType.namespace;
  }
  // Nobody but the superuser sees who there is.
  if (!make || found.name.length === 0 || createObject(id, lasting()) !== 0) return false;
  initNamespace(id);
  assign(openNamespace(id)!.parent, found.parent);
  return assignName(found.parent, found.name, id, NameType.namespace, false) === 0;
}

/** May the caller read who there is? Without users everybody may. */
export function mayReadUsers(): bool {
  const found = stack<Found>();
  return lookup(FOLDER, found) !== 0 || (rightsTo(found.id) & READ) !== 0;
}

/** The record of a user; null: no such user. */
export function findUser(name: str, id: ObjectId): UserRecord | null {
  const users = stack<ObjectId>();
  const found = stack<Found>();
  if (!usersNamespace(users, false)) return null;
  const path = stack<FixedArray<u8, 128>>();
  if (name.length === 0 || name.length > 79) return null;
  memory.copy(addressOf(path), '/users/'.ptr.address, 7);
  memory.copy(addressOf(path) + 7, name.ptr.address, name.length);
  for (const byte of name.bytes) if (byte === u8('/') || byte === u8('.')) return null;
  if (lookup(strOf(path.ptr, 7 + name.length), found) !== 0) return null;
  const user = at<UserRecord>(dataOf(openObject(found.id)));
  assign(id, found.id);
  return user.magic === USER_MAGIC ? user : null;
}

/** Calls `visit` for each user that has a record. */
export function visitUsers(visit: (user: UserRecord) => void): void {
  const users = stack<ObjectId>();
  if (!usersNamespace(users, false)) return;
  const namespace = openNamespace(users);
  if (namespace === null) return;
  for (let i: u64 = 0; i < namespace.count; i++) {
    const entry: NameEntry = namespace.entries.ptr[i];
    if (!isUsed(entry)) continue;
    const user = at<UserRecord>(dataOf(openObject(idOf(entry))));
    if (user.magic === USER_MAGIC) visit(user);
  }
}

/** Makes `record` the user's; the object with the one before is deleted. Returns 0 or −Errno. */
export function keepUser(name: str, record: UserRecord, before: ObjectId): i64 {
  const users = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!usersNamespace(users, true)) return -1;
  const made = createObject(id, lasting());
  if (made !== 0) return made;
  const place = at<UserRecord>(dataOf(openObject(id)));
  assign(place, record);
  place.magic = USER_MAGIC;
  persist(addressOf(place), sizeof<UserRecord>());
  const named = assignName(users, name, id, NameType.object, true);
  if (named !== 0) deleteObject(id);
  else if (before.lo !== 0 || before.hi !== 0) deleteObject(before);
  return named;
}
