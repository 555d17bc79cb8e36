/**
 * Whose an object is that the host puts into an image: by the guest's own rules (guest/libtwz/owner.ts). The key `own` of its owner's keyring protects
 * it, nobody else has default rights, and a user's security context gets a capability for it, signed with that key, which lies in the image.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { UserError } from '../../emulator/errors.ts';
import { readNamespace } from './names.ts';
import type { ObjectStore, StoredObject } from './store.ts';
import type { StoreWriter } from './writer.ts';

const MASK_64 = (1n << 64n) - 1n;
/** The name of the key that protects what its owner makes, and `KeyState.pair`: both of its halves are there. */
const OWN_KEY = 'own';
const PAIR = 2;
/** An Ed25519 private key in PKCS #8 (RFC 8410): this, and the 32 bytes of the seed. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export interface Owner {
  readonly name: string;
  /** The object with the public half of the key `own`; 0: there is no keyring. */
  readonly kuid: bigint;
  readonly seed: Uint8Array | undefined;
  /** The user's security context; 0: the superuser, who needs no capability, or nobody. */
  readonly context: bigint;
}

/** For what is nobody's: no key protects it. */
const NOBODY: Owner = { name: 'nobody', kuid: 0n, seed: undefined, context: 0n };

/** A 128-bit ID of an object's data; `offset` from its first byte on. */
function idAt(store: ObjectStore, object: StoredObject, offset: number): bigint {
  const at = Number(store.layouts.constant('OBJ_NULLPAGE')) + offset;
  return store.word(object, at, 8) | (store.word(object, at + 8, 8) << 64n);
}

/** The owner whose keyring this is. @throws UserError when it is none, or has no key `own` */
function keyringOwner(store: ObjectStore, name: string, ring: StoredObject): Owner {
  const { layouts } = store;
  const base = Number(layouts.constant('OBJ_NULLPAGE'));
  const field = (of: string): number => base + layouts.offset('Keyring', of);
  const entrySize = layouts.struct('KeyringEntry').size;
  if (store.word(ring, field('magic'), 8) === layouts.constant('KEYRING_MAGIC')) {
    const count = Number(store.word(ring, field('count'), 8));
    for (let index = 0; index < count; index++) {
      const start = field('entries') + index * entrySize;
      const at = (of: string): number => start + layouts.offset('KeyringEntry', of);
      const length = Number(store.word(ring, at('length'), 4));
      if (Number(store.word(ring, at('state'), 4)) !== PAIR || length !== OWN_KEY.length) continue;
      if (new TextDecoder().decode(store.read(ring, at('name'), length)) !== OWN_KEY) continue;
      return {
        name,
        kuid: idAt(store, ring, at('publicHalf') - base),
        seed: store.read(ring, at('seed'), layouts.struct('KeyringEntry').fields['seed']!.size),
        context: idAt(store, ring, layouts.offset('Keyring', 'context')),
      };
    }
  }
  throw new UserError(`${name}'s keyring in the image is damaged: it has no key '${OWN_KEY}'`);
}

/** The superuser. An image on which the guest has not yet made a keyring has no key for him: what is his has no key, then. */
function superuser(store: ObjectStore): Owner {
  const root = store.find(store.nameRoot);
  const keys = root && readNamespace(store, root).find(({ name }) => name === '.keys');
  const ring = keys && store.find(keys.id);
  return ring ? keyringOwner(store, 'root', ring) : { ...NOBODY, name: 'root' };
}

/** The users that have records, in the order of their names' entries. */
function users(store: ObjectStore): Owner[] {
  const root = store.find(store.nameRoot);
  const folder = root && readNamespace(store, root).find(({ name }) => name === 'users');
  const records = folder && store.find(folder.id);
  if (!records) return [];
  return readNamespace(store, records).flatMap(({ name, id }): Owner[] => {
    const record = store.find(id);
    const keyring = record && idAt(store, record, store.layouts.offset('UserRecord', 'keyring'));
    const ring = keyring ? store.find(keyring) : undefined;
    return ring ? [keyringOwner(store, name, ring)] : [];
  });
}

/**
 * The owner of this name: a user, `root` or `nobody`; without a name, whose the namespace is that the object will be named in.
 * @throws UserError when there is no such user
 */
export function findOwner(store: ObjectStore, name: string | undefined, namespace: StoredObject): Owner {
  if (name === 'nobody') return NOBODY;
  if (name === 'root') return superuser(store);
  const known = users(store);
  if (name === undefined) {
    const owner = known.find(({ kuid }) => kuid === namespace.kuid);
    return owner ?? superuser(store);
  }
  const owner = known.find((user) => user.name === name);
  if (owner) return owner;
  const names = ['root', ...known.map((user) => user.name), 'nobody'].filter(
    (one, index, all) => all.indexOf(one) === index,
  );
  throw new UserError(`--owner ${name}: no such user in the image; there are ${names.join(', ')}`);
}

/** What letters of `rwxud` stand for; `-`: nothing. @throws UserError when one stands for nothing */
export function parseRights(store: ObjectStore, text: string): number {
  const rights = { r: 'READ', w: 'WRITE', x: 'EXEC', u: 'USE', d: 'DELETE' } as Record<string, string>;
  let all = 0;
  for (const letter of text) {
    const name = rights[letter];
    if (name !== undefined) all |= Number(store.layouts.constant(name));
    else if (letter !== '-')
      throw new UserError(`--rights ${text}: '${letter}' is no right; r w x u d are, and - for none`);
  }
  return all;
}

/** The signed capability for all that `rights` says. */
function capability(store: ObjectStore, owner: Owner, target: bigint, rights: number): Uint8Array {
  const { layouts } = store;
  const bytes = new Uint8Array(layouts.struct('Capability').size);
  const view = new DataView(bytes.buffer);
  const at = (field: string): number => layouts.offset('Capability', field);
  const setId = (field: string, id: bigint): void => {
    view.setBigUint64(at(field), id & MASK_64, true);
    view.setBigUint64(at(field) + 8, id >> 64n, true);
  };
  setId('target', target);
  setId('accessor', owner.context);
  view.setUint32(at('rights'), rights, true);
  view.setUint16(at('magic'), Number(layouts.constant('CAPABILITY_MAGIC')), true);
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8, owner.seed!]),
    format: 'der',
    type: 'pkcs8',
  });
  bytes.set(sign(null, bytes.subarray(0, at('signature')), key), at('signature'));
  return bytes;
}

/** A 64-bit word as it lies in memory. */
function word64(value: number): Uint8Array {
  return new Uint8Array(new BigUint64Array([BigInt(value)]).buffer);
}

/** Gives a user's context a capability for `target`; the superuser and nobody need none. */
export function grantOwner(writer: StoreWriter, owner: Owner, target: bigint, rights: number): void {
  if (owner.context === 0n) return;
  const { store } = writer;
  const { layouts } = store;
  const context = (): StoredObject => {
    const object = store.find(owner.context);
    if (!object) throw new UserError(`${owner.name}'s security context is not in the image`);
    return object;
  };
  const base = Number(layouts.constant('OBJ_NULLPAGE'));
  /** Room behind what the context holds; its offset. */
  const room = (bytes: Uint8Array, step: number): number => {
    const size = store.dataSize(context()) ?? layouts.struct('ContextHeader').size;
    const place = Number(layouts.constant('META_OFFSET')) + layouts.offset('MetaInfo', 'size');
    writer.write(owner.context, place, word64(size + step));
    writer.write(owner.context, base + size, bytes);
    return base + size;
  };
  const bucket = layouts.struct('ContextBucket');
  const at = (field: string): number => layouts.offset('ContextBucket', field);
  const data = room(capability(store, owner, target, rights), Number(layouts.constant('LETTER_STEP')));
  const place = Number(target & (layouts.constant('CONTEXT_BUCKETS') - 1n)) * bucket.size;
  let free = base + layouts.offset('ContextHeader', 'buckets') + place;
  while (store.word(context(), free + at('data'), 8) !== 0n) {
    const next = Number(store.word(context(), free + at('chain'), 8));
    if (next !== 0) free = next;
    else {
      const made = room(new Uint8Array(bucket.size), bucket.size);
      writer.write(owner.context, free + at('chain'), word64(made));
      free = made;
    }
  }
  const bytes = store.read(context(), free, bucket.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  bytes.fill(0, 0, at('chain'));
  view.setBigUint64(at('target'), target & MASK_64, true);
  view.setBigUint64(at('target') + 8, target >> 64n, true);
  view.setBigUint64(at('data'), BigInt(data), true);
  view.setUint32(at('flags'), Number(layouts.constant('CB_CAPABILITY')), true);
  writer.write(owner.context, free, bytes);
}
