/**
 * Torture workload: two threads append records to one log, each record under a mutex that survives power failures. After a failure every
 * acknowledged record is there, whole, and none twice.
 */
import '../libtwz/torture-only.ts';
import { NameType } from '../abi/name.ts';
import { DELETE, ObjectId, READ, WRITE } from '../abi/object.ts';
import { CREATE_PERSIST } from '../abi/syscall.ts';
import { Log } from '../libtwz/log.ts';
import { assignName, rootNamespace, stepInto } from '../libtwz/name.ts';
import { createObject, openObject } from '../libtwz/object.ts';
import { finish, hadBegun, mix, runThreads, wasAcknowledged } from '../libtwz/torture.ts';

const THREADS: u64 = 2;
const EACH: u64 = 2;
const TEXT = 'a record of two cache blocks, which two threads append in turn';

let records: Log | null = null;

function find(): Log {
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
  records = find();
}

function operation(index: u64): void {
  records!.append(index, TEXT);
}

function check(): u64 {
  const log = find();
  let value: u64 = 0;
  let seen: u64 = 0;
  for (let cursor = log.begin(); log.has(cursor); cursor = log.next(cursor)) {
    const index = log.tagAt(cursor);
    if (index === 0 || index > THREADS * EACH || !hadBegun(index)) finish(20);
    if (((seen >> index) & 1) !== 0) finish(21);
    seen |= u64(1) << index;
    if (!TEXT.equals(log.textAt(cursor))) finish(22);
    value = mix(value, index);
  }
  for (let index: u64 = 1; index <= THREADS * EACH; index++)
    if (wasAcknowledged(index) && ((seen >> index) & 1) === 0) finish(23);
  return value;
}

/** @export */
function torture(): u64 {
  return runThreads(THREADS, EACH, setup, operation, check);
}
