/**
 * Objects into, out of and between images: new ones with a name, copies with everything that they reach, removal. An object that is copied keeps its ID,
 * so pointers through foreign object tables lead to the copies, and IDs still verify.
 */
import { randomBytes } from 'node:crypto';
import { PAGE_SIZE } from '../../emulator/addresses.ts';
import { isElf, readElf } from '../../emulator/elf/reader.ts';
import { UserError } from '../../emulator/errors.ts';
import { isObjectImage, objectImage } from '../guest/archive.ts';
import type { Layouts } from '../guest/layouts.ts';
import { computeIdOf } from './check.ts';
import { assignName, removeName, resolveParent } from './name-writer.ts';
import { NAMESPACE, type Name, readNamespace, resolvePath, TEXT } from './names.ts';
import { findOwner, grantOwner, parseRights } from './owner.ts';
import { formatObjectId, type ObjectStore, type StoredObject } from './store.ts';
import { pagesFrom, pagesOf, type StoreWriter } from './writer.ts';

const OBJECT = 1;

/** What has been put or copied, for the person who asked. */
export interface Transferred {
  readonly id: bigint;
  readonly name: string | undefined;
  readonly type: number | undefined;
  /** True: it was there already, with the same contents. */
  readonly same: boolean;
}

function isText(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return !text.includes('\0');
  } catch {
    return false;
  }
}

/** The page with an object's metadata, as the kernel makes it at the first touch. */
function metadataPage(store: ObjectStore, nonce: bigint, pFlags: number, size: number): Uint8Array {
  const { layouts } = store;
  const page = new Uint8Array(PAGE_SIZE);
  const view = new DataView(page.buffer);
  const at = (field: string): number =>
    (Number(layouts.constant('META_OFFSET')) % PAGE_SIZE) + layouts.offset('MetaInfo', field);
  view.setUint32(at('magic'), Number(layouts.constant('META_MAGIC')), true);
  view.setUint16(at('flags'), Number(layouts.constant('MIF_SIZE')), true);
  view.setUint16(at('pFlags'), pFlags, true);
  view.setUint32(at('milen'), layouts.struct('MetaInfo').size, true);
  view.setBigUint64(at('nonceLo'), nonce & ((1n << 64n) - 1n), true);
  view.setBigUint64(at('nonceHi'), nonce >> 64n, true);
  view.setBigUint64(at('size'), BigInt(size), true);
  return page;
}

/** What a host file can become: a text, bytes as they are, or a program that the shell runs by its path. */
export type PutType = 'text' | 'object' | 'program';

function typeOf(bytes: Uint8Array, layouts: Layouts): PutType {
  if (isElf(bytes) && isObjectImage(readElf(bytes, 'file'), layouts)) return 'program';
  return isText(bytes) ? 'text' : 'object';
}

/** @throws UserError when the file is not an executable that can lie in an object */
function programBytes(file: Uint8Array, path: string, layouts: Layouts): Uint8Array {
  const elf = readElf(file, path);
  if (!isObjectImage(elf, layouts))
    throw new UserError(`${path}: not a program of the guest; build it with --target program`);
  return objectImage(elf, layouts.constant('OBJ_NULLPAGE')).bytes;
}

/** How a file is put in. */
export interface PutOptions {
  readonly type?: PutType;
  /** A user, `root` or `nobody`; by default whose the namespace is. */
  readonly owner?: string;
  /** Default rights, everybody's; by default none, and for what is nobody's all. */
  readonly rights?: string;
}

/** Rights of the owner. */
const OWN_RIGHTS = 'rwud';

/** Rights of everybody. That it may be executed is what tells the shell that an object is a program; to start it one must read it as well. */
function openRights(store: ObjectStore, type: PutType, options: PutOptions): number {
  const asked = options.rights ?? (options.owner === 'nobody' ? OWN_RIGHTS : '-');
  return parseRights(store, type === 'program' ? `${asked}x` : asked);
}

/** Makes an object of a host file's bytes and gives it a name; the object that had the name before is deleted. */
export function put(
  writer: StoreWriter,
  file: Uint8Array,
  path: string,
  options: PutOptions = {},
): Transferred {
  const { store } = writer;
  const { layouts } = store;
  const parent = resolveParent(store, path);
  if (parent.existing?.type === NAMESPACE) throw new UserError(`${path}: is a namespace`);
  const type = options.type ?? typeOf(file, layouts);
  const base = Number(layouts.constant('OBJ_NULLPAGE'));
  const bytes = type === 'program' ? programBytes(file, path, layouts) : file;
  const nonce = BigInt(`0x${randomBytes(16).toString('hex')}`);
  const owner = findOwner(store, options.owner, parent.namespace);
  const identity = {
    kuid: owner.kuid,
    nonceLo: nonce & ((1n << 64n) - 1n),
    nonceHi: nonce >> 64n,
    pFlags: openRights(store, type, options),
  };
  const id = computeIdOf(identity);
  if (base + bytes.length > Number(layouts.constant('OBJ_TOPDATA'))) {
    throw new UserError(`${path}: an object has room for less than 992 MiB; these are ${bytes.length} bytes`);
  }
  const metaOffset = Number(layouts.constant('META_OFFSET'));
  writer.create({ ...identity, id }, [
    ...pagesFrom(base, bytes),
    {
      offset: metaOffset - (metaOffset % PAGE_SIZE),
      bytes: metadataPage(store, nonce, identity.pFlags, bytes.length),
    },
  ]);
  grantOwner(writer, owner, id, parseRights(store, OWN_RIGHTS));
  const nameType = type === 'text' ? TEXT : OBJECT;
  const replaced = parent.existing?.id;
  assignName(writer, parent.namespace, parent.name, id, nameType);
  if (replaced !== undefined && store.find(replaced) && !isNamed(store, replaced))
    writer.markDeleted(replaced);
  return { id, name: path, type: nameType, same: false };
}

/** Takes a name away, and deletes its object unless it has another one. */
export function remove(writer: StoreWriter, path: string): void {
  const { store } = writer;
  const parent = resolveParent(store, path);
  const { existing } = parent;
  if (!existing) throw new UserError(`${path}: no name '${parent.name}'`);
  const object = store.find(existing.id);
  if (existing.type === NAMESPACE && object && readNamespace(store, object).length > 0) {
    throw new UserError(`${path}: the namespace is not empty`);
  }
  removeName(writer, parent.namespace, parent.name);
  if (object && !isNamed(store, existing.id)) writer.markDeleted(existing.id);
}

/** Does any namespace that the root reaches name the object? */
function isNamed(store: ObjectStore, id: bigint): boolean {
  const seen = new Set<bigint>();
  const visit = (namespace: bigint): boolean => {
    if (seen.has(namespace)) return false;
    seen.add(namespace);
    const object = store.find(namespace);
    if (!object) return false;
    return readNamespace(store, object).some(
      (name) => name.id === id || (name.type === NAMESPACE && visit(name.id)),
    );
  };
  return visit(store.nameRoot);
}

// ------------------------------------------------------------------------------------------------------- copies

/** Objects that one object refers to: through its FOT, its names (if it is a namespace), and as the key of its capabilities. */
function references(
  store: ObjectStore,
  object: StoredObject,
  names: readonly Name[],
): { id: bigint; why: string }[] {
  const { layouts } = store;
  const found: { id: bigint; why: string }[] = names.map((name) => ({
    id: name.id,
    why: `the name '${name.name}'`,
  }));
  if (object.kuid !== 0n) found.push({ id: object.kuid, why: 'its key' });
  const meta = Number(layouts.constant('META_OFFSET'));
  const count = Number(store.word(object, meta + layouts.offset('MetaInfo', 'fotEntries'), 4));
  for (let index = 1; index <= count; index++) {
    const entry = meta - index * layouts.struct('FotEntry').size;
    const word = (field: string): bigint => store.word(object, entry + layouts.offset('FotEntry', field), 8);
    const flags = word('flags');
    // An entry with a name is resolved where it is used.
    if ((flags & layouts.constant('FE_VALID')) === 0n || (flags & layouts.constant('FE_NAME')) !== 0n)
      continue;
    found.push({ id: word('lo') | (word('hi') << 64n), why: `FOT entry ${index}` });
  }
  return found;
}

/** The object and all that it reaches, itself first. @throws UserError when something that is referred to is in neither store */
function closure(from: ObjectStore, start: StoredObject, type: number, to: ObjectStore): StoredObject[] {
  const order: StoredObject[] = [start];
  const known = new Set([start.id]);
  const types = new Map([[start.id, type]]);
  for (const object of order) {
    const names = types.get(object.id) === NAMESPACE ? readNamespace(from, object) : [];
    for (const name of names) types.set(name.id, name.type);
    for (const { id, why } of references(from, object, names)) {
      if (known.has(id)) continue;
      known.add(id);
      const target = from.find(id);
      if (target) order.push(target);
      else if (!to.find(id)) {
        throw new UserError(
          `object ${formatObjectId(object.id)} refers to ${formatObjectId(id)} (${why}), which neither image has`,
        );
      }
    }
  }
  return order;
}

function sameContents(a: ObjectStore, objectA: StoredObject, b: ObjectStore, objectB: StoredObject): boolean {
  const offsets = new Set([...a.pages(objectA), ...b.pages(objectB)].map(({ offset }) => offset));
  return [...offsets].every((offset) =>
    Buffer.from(a.read(objectA, offset, PAGE_SIZE)).equals(b.read(objectB, offset, PAGE_SIZE)),
  );
}

/**
 * Copies what `path` leads to, and all that it reaches, into another store under `name`.
 * @throws UserError when an object is there already with other contents and `replace` is not said
 */
export function copyAcross(
  from: ObjectStore,
  path: string,
  writer: StoreWriter,
  name: string,
  replace: boolean,
): Transferred[] {
  const { object, type } = resolvePath(from, path);
  const to = writer.store;
  const parent = resolveParent(to, name);
  if (parent.existing && parent.existing.id !== object.id && !replace) {
    throw new UserError(`${name}: the name is taken in the other image (--replace gives it to the copy)`);
  }
  const result = closure(from, object, type, to).map((source, index): Transferred => {
    const what = {
      id: source.id,
      name: index === 0 ? name : undefined,
      type: index === 0 ? type : undefined,
    };
    const there = to.find(source.id);
    if (!there) {
      const word = (field: string): bigint =>
        from.region.u64(source.record + from.layouts.offset('Record', field));
      writer.create(
        {
          id: source.id,
          kuid: source.kuid,
          nonceLo: word('nonceLo'),
          nonceHi: word('nonceHi'),
          pFlags: source.pFlags,
        },
        pagesOf(from, source),
      );
      return { ...what, same: false };
    }
    if (sameContents(from, source, to, there)) return { ...what, same: true };
    if (!replace) {
      throw new UserError(
        `object ${formatObjectId(source.id)} is in the other image already, with other contents (--replace overwrites it)`,
      );
    }
    writer.replace(source.id, pagesOf(from, source));
    return { ...what, same: false };
  });
  assignName(writer, parent.namespace, parent.name, object.id, type);
  return result;
}
