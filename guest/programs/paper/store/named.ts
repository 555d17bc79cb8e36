/** A store that lasts: its objects have names, the backend's own and that with `.log` behind. */
import { NameType } from '../../../abi/name.ts';
import { DELETE, ObjectId, READ, USE, WRITE } from '../../../abi/object.ts';
import { CREATE_PERSIST } from '../../../abi/syscall.ts';
import { assignName, rootNamespace, stepInto } from '../../../libtwz/name.ts';
import { createObject, dataOf, openObject } from '../../../libtwz/object.ts';
import { Backend } from './store.ts';

function create(name: str, log: bool): usize {
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!rootNamespace(root)) panic('there are no names');
  if (createObject(id, READ | WRITE | DELETE | USE | CREATE_PERSIST) !== 0) panic('no space for an object');
  if (assignName(root, objectName(name, log), id, NameType.object, false) !== 0) panic('the name is taken');
  return dataOf(openObject(id));
}

function find(name: str, log: bool): usize {
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!rootNamespace(root) || !stepInto(root, objectName(name, log), id)) return 0;
  return dataOf(openObject(id));
}

const buffer = zeroed<FixedArray<u8, 32>>();

function objectName(name: str, log: bool): str {
  if (!log) return name;
  memory.copy(addressOf(buffer), name.ptr.address, name.length);
  memory.copy(addressOf(buffer) + name.length, '.log'.ptr.address, 4);
  return strOf(buffer.ptr, name.length + 4);
}

/** Makes the store. It is not open then. */
export function formatNamed(backend: Backend): void {
  backend.format(create(backend.name, false), backend.objects > 1 ? create(backend.name, true) : 0);
}

/** Opens the store; false: there is none. */
export function openNamed(backend: Backend): bool {
  const first = find(backend.name, false);
  if (first === 0) return false;
  backend.open(first, backend.objects > 1 ? find(backend.name, true) : 0);
  return true;
}
