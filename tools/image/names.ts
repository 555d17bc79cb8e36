/** Names of a store, read from the host: namespaces (guest/abi/name.ts) and paths through them. */
import { UserError } from '../../emulator/errors.ts';
import { formatObjectId, type ObjectStore, type StoredObject } from './store.ts';

export interface Name {
  readonly name: string;
  readonly id: bigint;
  /** A `NameType`: 1 object, 2 namespace, 3 text. */
  readonly type: number;
}

export const NAMESPACE = 2;
export const TEXT = 3;

/** The names in a namespace, in the order of its entries. @throws UserError when the object is none */
export function readNamespace(store: ObjectStore, object: StoredObject): Name[] {
  const { layouts } = store;
  const base = Number(layouts.constant('OBJ_NULLPAGE'));
  const magic = store.word(object, base + layouts.offset('Namespace', 'magic'), 8);
  if (magic !== layouts.constant('NAMESPACE_MAGIC')) {
    throw new UserError(`object ${formatObjectId(object.id)} is not a namespace`);
  }
  const count = Number(store.word(object, base + layouts.offset('Namespace', 'count'), 8));
  const size = layouts.struct('NameEntry').size;
  const first = base + layouts.offset('Namespace', 'entries');
  const at = (field: string): number => layouts.offset('NameEntry', field);
  const names: Name[] = [];
  for (let i = 0; i < count; i++) {
    const bytes = store.read(object, first + i * size, size);
    const view = new DataView(bytes.buffer);
    const state = view.getUint32(at('state'), true);
    if ((state & 1) === 0) continue;
    const id = at('ids') + ((state >> 1) & 1) * 16;
    const length = view.getUint32(at('length'), true);
    names.push({
      name: new TextDecoder().decode(bytes.subarray(at('name'), at('name') + length)),
      id: view.getBigUint64(id, true) | (view.getBigUint64(id + 8, true) << 64n),
      type: view.getUint32(at('type'), true),
    });
  }
  return names;
}

/** What a path, or an ID as it is printed, leads to. @throws UserError when there is nothing */
export function resolvePath(store: ObjectStore, path: string): { object: StoredObject; type: number } {
  const match = /^([0-9a-f]{16}):([0-9a-f]{16})$/i.exec(path);
  if (match) {
    const object = store.find(BigInt(`0x${match[1]}${match[2]}`));
    if (!object) throw new UserError(`${path}: no such object in the store`);
    return { object, type: 1 };
  }
  let object = store.find(store.nameRoot);
  if (!object) throw new UserError('the store has no root of names yet; boot the guest on it once');
  let type = NAMESPACE;
  for (const part of path.split('/').filter((p) => p !== '' && p !== '.')) {
    if (type !== NAMESPACE) throw new UserError(`${path}: a part before '${part}' is not a namespace`);
    const found: Name | undefined = readNamespace(store, object).find((name) => name.name === part);
    if (!found) throw new UserError(`${path}: no name '${part}'`);
    type = found.type;
    const next = store.find(found.id);
    if (!next) {
      throw new UserError(`${path}: '${part}' names object ${formatObjectId(found.id)}, which is not stored`);
    }
    object = next;
  }
  return { object, type };
}
