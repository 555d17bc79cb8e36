/**
 * Keyrings: objects that hold keys by name (guest/abi/security.ts). A key's public half is an immutable object of its own that everybody reads and
 * that protected objects name when they are made; its private half lies in the ring, which has no default rights: who may read the ring may
 * sign with its keys. A change of a ring is atomic: an entry counts from the store of its state on.
 */
import { DELETE, MIP_HASHDATA, ObjectId, READ, WRITE } from '../abi/object.ts';
import {
  KEY_MAGIC,
  KEY_NAME_MAX,
  KEY_PUBLIC,
  KEYRING_MAGIC,
  KeyHeader,
  Keyring,
  KeyringEntry,
  KeyState,
} from '../abi/security.ts';
import { CREATE_VOLATILE, EEXIST, EINVAL, ENOENT, StatResult } from '../abi/syscall.ts';
import { publicKeyEd25519 } from '../crypto/ed25519.ts';
import { programArguments } from './io.ts';
import { Mutex } from './mutex.ts';
import {
  copyObject,
  createObject,
  dataOf,
  deleteObject,
  lasting,
  openObject,
  rightsTo,
  sameId,
  setSize,
  statObject,
} from './object.ts';
import { createProtected } from './owner.ts';
import { persist, storePersistent } from './persist.ts';

/** The name of the key that protects what the ring's owner makes. */
export const OWN_KEY = 'own';

/** Two words that nobody can guess: the nonce of an object that the kernel makes, and that is gone before anybody knows of it. */
export function randomPair(words: Ptr<u64>): i64 {
  const id = stack<ObjectId>();
  const stat = stack<StatResult>();
  let result = createObject(id, DELETE | CREATE_VOLATILE);
  if (result !== 0) return result;
  result = statObject(id, stat);
  deleteObject(id);
  words[0] = stat.nonceLo;
  words[1] = stat.nonceHi;
  return result;
}

/** Draws a private half. Returns 0 or −Errno. */
export function drawSeed(seed: FixedArray<u64, 4>): i64 {
  const result = randomPair(seed.ptr);
  return result === 0 ? randomPair(seed.ptr.add(2)) : result;
}

/** Makes the object with the public half of a private one: immutable, readable by all. Returns 0 or −Errno. */
export function publishKey(seed: usize, id: ObjectId): i64 {
  const draft = stack<ObjectId>();
  const made = createObject(draft, READ | WRITE | DELETE | CREATE_VOLATILE);
  if (made !== 0) return made;
  const half = at<KeyHeader>(dataOf(openObject(draft)));
  half.kind = KEY_PUBLIC;
  half.magic = KEY_MAGIC;
  publicKeyEd25519(addressOf(half.key), seed);
  const result = copyObject(id, draft, READ | MIP_HASHDATA | lasting());
  deleteObject(draft);
  return result;
}

/** Makes a keyring with the key `own`, which protects the ring itself; who makes it may use it. Returns 0 or −Errno. */
export function createKeyring(id: ObjectId): i64 {
  const seed = stack<FixedArray<u64, 4>>();
  const half = stack<ObjectId>();
  let result = drawSeed(seed);
  if (result === 0) result = publishKey(addressOf(seed), half);
  if (result === 0) result = createProtected(id, half, addressOf(seed));
  if (result !== 0) return result;
  const base = openObject(id);
  const ring = at<Keyring>(dataOf(base));
  setSize(base, sizeof<Keyring>());
  result = putKey(ring, OWN_KEY, half, addressOf(seed));
  memory.fill(addressOf(seed), 0, 32);
  storePersistent(ptrTo(ring.magic).address, KEYRING_MAGIC);
  return result;
}

/** From now on the ring is the owner's of a security context. */
export function setOwner(ring: Keyring, context: ObjectId): void {
  assign(ring.context, context);
  persist(addressOf(ring.context), sizeof<ObjectId>());
}

/** The keyring in an object; null: it holds none, or the caller may not read it. */
export function openKeyring(id: ObjectId): Keyring | null {
  if ((id.lo === 0 && id.hi === 0) || (rightsTo(id) & READ) === 0) return null;
  const ring = at<Keyring>(dataOf(openObject(id)));
  return ring.magic === KEYRING_MAGIC ? ring : null;
}

/** The keyring of this program's user; null: it has none. */
export function ownKeyring(): Keyring | null {
  return openKeyring(programArguments().keyring);
}

export function keyName(entry: KeyringEntry): str {
  return strOf(entry.name.ptr, u64(entry.length));
}

export function keyAt(ring: Keyring, index: u64): KeyringEntry {
  return ring.entries.ptr[index];
}

/** The key of this name; null: there is none. */
export function findKey(ring: Keyring, name: str): KeyringEntry | null {
  for (let i: u64 = 0; i < ring.count; i++) {
    const entry = keyAt(ring, i);
    if (entry.state !== u32(KeyState.free) && keyName(entry).equals(name)) return entry;
  }
  return null;
}

/** The pair whose public half protects objects with this `kuid`; null: somebody else signs for them. */
export function findSigner(ring: Keyring, kuid: ObjectId): KeyringEntry | null {
  for (let i: u64 = 0; i < ring.count; i++) {
    const entry = keyAt(ring, i);
    if (entry.state === u32(KeyState.pair) && sameId(entry.publicHalf, kuid)) return entry;
  }
  return null;
}

/** Puts an entry in; `seed` 0: only a public half. The caller keeps others out. */
function putKey(ring: Keyring, name: str, half: ObjectId, seed: usize): i64 {
  if (name.length === 0 || name.length > KEY_NAME_MAX) return -EINVAL;
  if (findKey(ring, name) !== null) return -EEXIST;
  let index: u64 = 0;
  while (index < ring.count && keyAt(ring, index).state !== u32(KeyState.free)) index++;
  const entry = keyAt(ring, index);
  memory.copy(addressOf(entry.name), name.ptr.address, name.length);
  entry.length = u32(name.length);
  assign(entry.publicHalf, half);
  if (seed !== 0) memory.copy(addressOf(entry.seed), seed, 32);
  persist(addressOf(entry), sizeof<KeyringEntry>());
  if (index === ring.count) storePersistent(ptrTo(ring.count).address, index + 1);
  volatileStore<u32>(ptrTo(entry.state).address, u32(seed === 0 ? KeyState.public : KeyState.pair));
  persist(addressOf(entry), sizeof<KeyringEntry>());
  return 0;
}

function lockOf(ring: Keyring): Mutex {
  return at<Mutex>(addressOf(ring.mutex));
}

/** Makes a key pair of this name; its public half's ID goes to `half`. Returns 0 or −Errno (EEXIST: the name is taken). */
export function makeKey(ring: Keyring, name: str, half: ObjectId): i64 {
  const seed = stack<FixedArray<u64, 4>>();
  using held = lockOf(ring).hold();
  if (findKey(ring, name) !== null) return -EEXIST;
  let result = drawSeed(seed);
  if (result === 0) result = publishKey(addressOf(seed), half);
  if (result === 0) result = putKey(ring, name, half, addressOf(seed));
  memory.fill(addressOf(seed), 0, 32);
  return result;
}

/** Keeps somebody's public half under a name. Returns 0, −EINVAL when the object holds no public key, or −EEXIST. */
export function addPublicKey(ring: Keyring, name: str, half: ObjectId): i64 {
  if ((rightsTo(half) & READ) === 0) return -ENOENT;
  const header = at<KeyHeader>(dataOf(openObject(half)));
  if (header.magic !== KEY_MAGIC || header.kind !== KEY_PUBLIC) return -EINVAL;
  using held = lockOf(ring).hold();
  return putKey(ring, name, half, 0);
}

/** Forgets a key; what it protects can be granted to nobody any more. Returns 0 or −ENOENT; the key `own` stays (−EINVAL). */
export function removeKey(ring: Keyring, name: str): i64 {
  if (name.equals(OWN_KEY)) return -EINVAL;
  using held = lockOf(ring).hold();
  const entry = findKey(ring, name);
  if (entry === null) return -ENOENT;
  volatileStore<u32>(ptrTo(entry.state).address, u32(KeyState.free));
  persist(addressOf(entry), sizeof<KeyringEntry>());
  memory.fill(addressOf(entry.seed), 0, 32);
  persist(addressOf(entry.seed), 32);
  return 0;
}
