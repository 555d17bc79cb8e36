/** An object is named, and then filled: who looks the name up after a failure finds less than there should be. */
// class: order
import 'licorice/libtwz/torture-only.ts';
import { NameType } from 'licorice/abi/name.ts';
import { ObjectId, READ, WRITE } from 'licorice/abi/object.ts';
import { CREATE_PERSIST } from 'licorice/abi/syscall.ts';
import { assignName, Found, lookup } from 'licorice/libtwz/name.ts';
import { createObject, dataOf, openObject } from 'licorice/libtwz/object.ts';
import { persist } from 'licorice/libtwz/persist.ts';
import { finish, mix, runWorkload } from 'licorice/libtwz/torture.ts';

const BUGGY: bool = true;
const MAGIC: u64 = 0x646f_6375_6d65_6e74;

@persistent
class Document {
  magic: u64;
  version: u64;
}

function nameOf(index: u64): str {
  return index === 1 ? 'one' : index === 2 ? 'two' : 'three';
}

function setup(): void {}

function give(id: ObjectId, name: str): void {
  const found = stack<Found>();
  lookup(name, found);
  if (assignName(found.parent, name, id, NameType.object, true) !== 0) finish(1); // too early
}

function fill(id: ObjectId, version: u64): void {
  const document = at<Document>(dataOf(openObject(id)));
  document.magic = MAGIC;
  document.version = version; // guilty
  persist(addressOf(document), sizeof<Document>());
}

function operation(index: u64): void {
  const id = stack<ObjectId>();
  if (createObject(id, READ | WRITE | CREATE_PERSIST) !== 0) finish(1);
  if (BUGGY) give(id, nameOf(index));
  fill(id, index);
  if (!BUGGY) give(id, nameOf(index));
}

function check(): u64 {
  let state: u64 = 0;
  for (let i: u64 = 1; i <= 2; i++) {
    const found = stack<Found>();
    if (lookup(nameOf(i), found) !== 0) continue;
    const document = at<Document>(dataOf(openObject(found.id)));
    if (document.magic !== MAGIC) finish(2);
    if (document.version !== i) finish(3);
    state = mix(state, i);
  }
  return state;
}

/** @export */
function torture(): u64 {
  return runWorkload(2, setup, operation, check);
}
