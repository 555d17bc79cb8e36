/**
 * Torture workload: the kernel's object store through its system calls: objects made, grown, copied, written after copying, tied, deleted,
 * and their names. Each object holds a number at the beginning of its data and one far behind.
 */
import '../libtwz/torture-only.ts';
import { NameType } from '../abi/name.ts';
import { DELETE, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { CREATE_PERSIST, StatResult, SYS_TIE } from '../abi/syscall.ts';
import { assignName, removeName, rootNamespace, stepInto } from '../libtwz/name.ts';
import { copyObject, createObject, dataOf, deleteObject, openObject, statObject } from '../libtwz/object.ts';
import { storePersistent } from '../libtwz/persist.ts';
import { syscall } from '../libtwz/syscall.ts';
import { finish, mix, runWorkload } from '../libtwz/torture.ts';

const NAMES: FixedArray<str, 3> = ['first', 'second', 'third'];
const FLAGS: u64 = READ | WRITE | DELETE | USE | CREATE_PERSIST;
/** Far enough for another table of pages. */
const FAR: u64 = 0x40_0000;

function root(id: ObjectId): void {
  if (!rootNamespace(id)) finish(10);
}

function find(name: str, id: ObjectId): bool {
  const names = stack<ObjectId>();
  root(names);
  return stepInto(names, name, id);
}

function must(name: str, id: ObjectId): void {
  if (!find(name, id)) finish(11);
}

function give(name: str, id: ObjectId): void {
  const names = stack<ObjectId>();
  root(names);
  if (assignName(names, name, id, NameType.object, false) !== 0) finish(12);
}

function setup(): void {
  const id = stack<ObjectId>();
  if (createObject(id, FLAGS) !== 0) finish(13);
  storePersistent(dataOf(openObject(id)), 1);
  give('first', id);
}

function operation(index: u64): void {
  const id = stack<ObjectId>();
  const other = stack<ObjectId>();
  const names = stack<ObjectId>();
  root(names);
  if (index === 1) {
    if (createObject(id, FLAGS) !== 0) finish(14);
    storePersistent(dataOf(openObject(id)), 2);
    give('second', id);
  } else if (index === 2) {
    must('second', id);
    storePersistent(dataOf(openObject(id)) + FAR, 22);
  } else if (index === 3) {
    must('second', other);
    if (copyObject(id, other, FLAGS) !== 0) finish(15);
    give('third', id);
  } else if (index === 4) {
    must('third', id);
    storePersistent(dataOf(openObject(id)), 3);
  } else if (index === 5) {
    must('second', id);
    storePersistent(dataOf(openObject(id)) + FAR, 23);
  } else if (index === 6) {
    must('first', id);
    must('second', other);
    if (syscall(SYS_TIE, id.lo, id.hi, other.lo, other.hi, 0) !== 0) finish(16);
  } else if (index === 7) {
    must('third', id);
    removeName(names, 'third');
    deleteObject(id);
  } else {
    must('first', id);
    removeName(names, 'first');
    deleteObject(id);
  }
}

function check(): u64 {
  const id = stack<ObjectId>();
  const stat = stack<StatResult>();
  let value: u64 = 0;
  for (let i: u64 = 0; i < 3; i++) {
    if (!find(NAMES[i], id)) continue;
    if (statObject(id, stat) !== 0) finish(20);
    const base = openObject(id);
    value = mix(mix(value, i), load<u64>(dataOf(base)));
    // Reading a page that is not there makes one; what has never been far has no business there.
    if (i !== 0) value = mix(value, load<u64>(dataOf(base) + FAR));
  }
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(8, setup, operation, check);
}
