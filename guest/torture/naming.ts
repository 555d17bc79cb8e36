/** Torture workload: names in a namespace: given, replaced, taken away, given again; a namespace within. */
import '../libtwz/torture-only.ts';
import { NameType } from '../abi/name.ts';
import { ObjectId } from '../abi/object.ts';
import { createHeap } from '../libtwz/alloc.ts';
import { assignName, removeName, rootNamespace, stepInto } from '../libtwz/name.ts';
import { finish, mix, runWorkload } from '../libtwz/torture.ts';

const NAMES: FixedArray<str, 4> = ['one', 'two', 'three', 'within'];

function setup(): void {
  // Objects that names can stand for.
  give('one', 1);
}

function root(id: ObjectId): void {
  if (!rootNamespace(id)) finish(10);
}

/** Gives a name to an ID that stands for `number`. */
function give(name: str, number: u64): void {
  const names = stack<ObjectId>();
  const id = stack<ObjectId>();
  root(names);
  id.lo = number;
  id.hi = number * 3 + 1;
  if (assignName(names, name, id, NameType.object, true) !== 0) finish(11);
}

function makeWithin(): void {
  const names = stack<ObjectId>();
  const id = stack<ObjectId>();
  root(names);
  if (createHeap(id) !== 0) finish(12);
  if (assignName(names, 'within', id, NameType.object, false) !== 0) finish(13);
}

function operation(index: u64): void {
  const names = stack<ObjectId>();
  root(names);
  if (index === 1) give('two', 2);
  else if (index === 2) give('one', 3);
  else if (index === 3) removeName(names, 'one');
  else if (index === 4) give('three', 4);
  else if (index === 5) makeWithin();
  else give('one', 5);
}

function check(): u64 {
  const names = stack<ObjectId>();
  root(names);
  let value: u64 = 0;
  for (let i: u64 = 0; i < 4; i++) {
    const id = stack<ObjectId>();
    if (!stepInto(names, NAMES[i], id)) continue;
    if (i < 3 && id.hi !== id.lo * 3 + 1) finish(20);
    value = mix(mix(value, i), i < 3 ? id.lo : 1);
  }
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(6, setup, operation, check);
}
