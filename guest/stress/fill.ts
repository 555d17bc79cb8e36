/**
 * Fills the store and says what operations cost in it: parameters (the archive's entry `.stress`) hold the number of objects to
 * create. Prints instructions for each of 200 creations, lookups and deletions before and after, and switches the machine off.
 */
import '../libtwz/start.ts';
import { DELETE, MIP_HASHDATA, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { CREATE_PERSIST, POWER_OFF, StatResult, SYS_POWER } from '../abi/syscall.ts';
import { flush, print, printNumber } from '../libtwz/io.ts';
import { copyObject, createObject, dataOf, deleteObject, openObject, statObject } from '../libtwz/object.ts';
import { syscall } from '../libtwz/syscall.ts';
import { unmapObject } from '../libtwz/view.ts';
import { readParameters } from './parameters.ts';

const SAMPLES = 200;
const FLAGS = READ | WRITE | DELETE | USE | CREATE_PERSIST;
const ids = zeroed<FixedArray<Inline<ObjectId>, 200>>();

function create(id: ObjectId): void {
  if (createObject(id, FLAGS) !== 0) panic('the store is full');
}

function write(id: ObjectId, value: u64): void {
  const base = openObject(id);
  volatileStore<u64>(dataOf(base), value);
  cbo.clean(dataOf(base));
  fence('rw', 'rw');
  unmapObject(base);
}

/** Creates objects; every twentieth gets a page, and the first an immutable copy. One more is deleted again and leaves free pages. */
function fill(count: u64): void {
  const id = stack<ObjectId>();
  for (let i: u64 = 0; i < count; i++) {
    create(id);
    if (i % 20 === 0) write(id, i + 1);
    if (i === 0 && copyObject(ids[0], id, FLAGS | MIP_HASHDATA) !== 0) panic('no copy');
  }
  create(id);
  write(id, 1);
  deleteObject(id);
}

function say(what: str, since: u64): void {
  print(what);
  printNumber((csr.read('instret') - since) / SAMPLES);
  print('\n');
}

function measure(): void {
  const result = stack<StatResult>();
  let start = csr.read('instret');
  for (const id of ids) createObject(id, FLAGS);
  say('create ', start);
  start = csr.read('instret');
  for (const id of ids) statObject(id, result);
  say('stat ', start);
  start = csr.read('instret');
  for (const id of ids) deleteObject(id);
  say('delete ', start);
}

/** @export */
function main(): u64 {
  const parameters = stack<FixedArray<u64, 3>>();
  readParameters(parameters.ptr, 3);
  measure();
  fill(parameters[0]);
  print('filled\n');
  measure();
  flush();
  syscall(SYS_POWER, POWER_OFF, 0, 0, 0, 0);
  return 0;
}
