/** Names given and taken from the host (guest/abi/name.ts); reading them is in names.ts. */
import { UserError } from '../../emulator/errors.ts';
import { NAMESPACE, type Name, readNamespace, resolvePath } from './names.ts';
import type { ObjectStore, StoredObject } from './store.ts';
import type { StoreWriter } from './writer.ts';

/** Where the last name of a path is, or would be. */
export interface Parent {
  readonly namespace: StoredObject;
  readonly name: string;
  readonly existing: Name | undefined;
}

/** @throws UserError when what comes before the last name is no namespace, or the name cannot be one */
export function resolveParent(store: ObjectStore, path: string): Parent {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const name = parts.pop();
  if (name === undefined) throw new UserError(`${path}: names no object, but the root`);
  const limit = Number(store.layouts.constant('NAME_MAX'));
  if (Buffer.byteLength(name) > limit) throw new UserError(`${path}: a name has at most ${limit} bytes`);
  const { object, type } = resolvePath(store, parts.join('/'));
  if (type !== NAMESPACE) throw new UserError(`${path}: '${parts.join('/')}' is not a namespace`);
  return {
    namespace: object,
    name,
    existing: readNamespace(store, object).find((known) => known.name === name),
  };
}

/** Offset in the namespace's object of entry `index`. */
function entryAt(store: ObjectStore, index: number): number {
  const { layouts } = store;
  return (
    Number(layouts.constant('OBJ_NULLPAGE')) +
    layouts.offset('Namespace', 'entries') +
    index * layouts.struct('NameEntry').size
  );
}

function entryCount(store: ObjectStore, namespace: StoredObject): number {
  const base = Number(store.layouts.constant('OBJ_NULLPAGE'));
  return Number(store.word(namespace, base + store.layouts.offset('Namespace', 'count'), 8));
}

function isUsed(store: ObjectStore, namespace: StoredObject, index: number): boolean {
  const state = entryAt(store, index) + store.layouts.offset('NameEntry', 'state');
  return (store.word(namespace, state, 4) & 1n) !== 0n;
}

function word32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** Gives a name to an object, whoever had it before. */
export function assignName(
  writer: StoreWriter,
  parent: StoredObject,
  name: string,
  id: bigint,
  type: number,
): void {
  removeName(writer, parent, name);
  const { store } = writer;
  const { layouts } = store;
  const namespace = store.readRecord(parent.record);
  const count = entryCount(store, namespace);
  let index = 0;
  while (index < count && isUsed(store, namespace, index)) index++;
  const entry = new Uint8Array(layouts.struct('NameEntry').size);
  const view = new DataView(entry.buffer);
  const bytes = new TextEncoder().encode(name);
  view.setUint32(layouts.offset('NameEntry', 'state'), 1, true);
  view.setUint32(layouts.offset('NameEntry', 'type'), type, true);
  view.setUint32(layouts.offset('NameEntry', 'length'), bytes.length, true);
  view.setBigUint64(layouts.offset('NameEntry', 'ids'), id & ((1n << 64n) - 1n), true);
  view.setBigUint64(layouts.offset('NameEntry', 'ids') + 8, id >> 64n, true);
  entry.set(bytes, layouts.offset('NameEntry', 'name'));
  writer.write(namespace.id, entryAt(store, index), entry);
  if (index < count) return;
  const base = Number(layouts.constant('OBJ_NULLPAGE'));
  writer.write(namespace.id, base + layouts.offset('Namespace', 'count'), word32(count + 1));
}

/** Takes a name away, if it is there. */
export function removeName(writer: StoreWriter, parent: StoredObject, name: string): void {
  const { store } = writer;
  const namespace = store.readRecord(parent.record);
  const { layouts } = store;
  const count = entryCount(store, namespace);
  for (let index = 0; index < count; index++) {
    if (!isUsed(store, namespace, index)) continue;
    const at = entryAt(store, index);
    const length = Number(store.word(namespace, at + layouts.offset('NameEntry', 'length'), 4));
    const bytes = store.read(namespace, at + layouts.offset('NameEntry', 'name'), length);
    if (new TextDecoder().decode(bytes) !== name) continue;
    writer.write(namespace.id, at + layouts.offset('NameEntry', 'state'), word32(0));
    return;
  }
}
