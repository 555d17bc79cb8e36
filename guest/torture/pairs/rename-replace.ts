/** A document is saved by copying its object, changing the copy and giving it the name. Of the change only the first word's block is written back. */
// class: missing flush
import 'licorice/libtwz/torture-only.ts';
import { NameType } from 'licorice/abi/name.ts';
import { ObjectId, READ, WRITE } from 'licorice/abi/object.ts';
import { CREATE_PERSIST } from 'licorice/abi/syscall.ts';
import { assignName, Found, lookup } from 'licorice/libtwz/name.ts';
import { copyObject, createObject, dataOf, openObject } from 'licorice/libtwz/object.ts';
import { persist } from 'licorice/libtwz/persist.ts';
import { finish, mix, runWorkload } from 'licorice/libtwz/torture.ts';

const BUGGY: bool = true;
const LENGTH: u64 = 12;

@persistent
class Text {
  readonly words: FixedArray<u64, 12>;
}

function find(found: Found): Text {
  if (lookup('text', found) !== 0) finish(1);
  return at<Text>(dataOf(openObject(found.id)));
}

function write(text: Text, version: u64): void {
  for (let i: u64 = 0; i < LENGTH; i++) text.words[i] = version; // guilty
  persist(addressOf(text), BUGGY ? sizeof<u64>() : sizeof<Text>());
}

function setup(): void {
  const found = stack<Found>();
  const id = stack<ObjectId>();
  lookup('text', found);
  if (createObject(id, READ | WRITE | CREATE_PERSIST) !== 0) finish(1);
  if (assignName(found.parent, 'text', id, NameType.object, false) !== 0) finish(1);
}

function operation(index: u64): void {
  const found = stack<Found>();
  const copy = stack<ObjectId>();
  find(found);
  if (copyObject(copy, found.id, READ | WRITE | CREATE_PERSIST) !== 0) finish(1);
  write(at<Text>(dataOf(openObject(copy))), index);
  if (assignName(found.parent, 'text', copy, NameType.object, true) !== 0) finish(1);
}

function check(): u64 {
  const text = find(stack<Found>());
  for (let i: u64 = 0; i < LENGTH; i++) if (text.words[i] !== text.words[0]) finish(2);
  return mix(0, text.words[0]);
}

/** @export */
function torture(): u64 {
  return runWorkload(2, setup, operation, check);
}
