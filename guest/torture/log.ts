/** Torture workload: a log; each operation appends a record, of part of a cache block or of several. */
import '../libtwz/torture-only.ts';
import { NameType } from '../abi/name.ts';
import { DELETE, ObjectId, READ, WRITE } from '../abi/object.ts';
import { CREATE_PERSIST } from '../abi/syscall.ts';
import { Log } from '../libtwz/log.ts';
import { assignName, rootNamespace, stepInto } from '../libtwz/name.ts';
import { createObject, openObject } from '../libtwz/object.ts';
import { finish, mix, operationCount, runWorkload } from '../libtwz/torture.ts';

const TEXT =
  'a record that is long enough to lie in three cache blocks, if all of it is appended, and in one if only a part of it is';

function log(): Log {
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!rootNamespace(root) || !stepInto(root, 'log', id)) finish(10);
  const found = Log.open(openObject(id));
  if (found === null) finish(11);
  return found!;
}

function setup(): void {
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!rootNamespace(root) || createObject(id, READ | WRITE | DELETE | CREATE_PERSIST) !== 0) finish(12);
  if (Log.open(openObject(id)) === null) finish(13);
  assignName(root, 'log', id, NameType.object, false);
}

function operation(index: u64): void {
  log().append(index, TEXT.subslice(0, index % 2 === 0 ? TEXT.length : 10));
}

function check(): u64 {
  const records = log();
  let value: u64 = 0;
  for (let cursor = records.begin(); records.has(cursor); cursor = records.next(cursor)) {
    value = mix(value, records.tagAt(cursor));
    const text = records.textAt(cursor);
    if (!TEXT.subslice(0, min<u64>(text.length, TEXT.length)).equals(text)) finish(20);
    value = mix(value, text.length);
  }
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(operationCount(5), setup, operation, check);
}
