/**
 * Torture workload: two threads that take turns by a mutex which survives power failures, each adding to a list in a transaction. After a failure the
 * mutex opens, whoever held it, and the list has what was acknowledged, whole.
 */
import '../libtwz/torture-only.ts';
import { allocateIn } from '../libtwz/alloc.ts';
import { Mutex } from '../libtwz/mutex.ts';
import {
  finish,
  hadBegun,
  makeSubject,
  mix,
  runThreads,
  setSubjectRoot,
  subjectRoot,
  wasAcknowledged,
} from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';

const THREADS: u64 = 2;
const EACH: u64 = 2;

@persistent
class List {
  readonly lock: Inline<Mutex>;
  count: u64;
  readonly entries: FixedArray<u64, 8>;
}

let list: List;

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  list = at<List>(allocateIn(tx, base, sizeof<List>()));
  setSubjectRoot(tx, base, addressOf(list));
}

function operation(index: u64): void {
  using guard = list.lock.hold();
  using tx = Tx.begin();
  list.entries[list.count] = index;
  list.count += 1;
}

function has(index: u64): bool {
  for (let i: u64 = 0; i < list.count; i++) if (list.entries[i] === index) return true;
  return false;
}

function check(): u64 {
  list = at<List>(subjectRoot());
  list.lock.acquire();
  if (list.count > THREADS * EACH) finish(20);
  let value = mix(0, list.count);
  for (let i: u64 = 0; i < list.count; i++) {
    const index = list.entries[i];
    if (index === 0 || !hadBegun(index)) finish(21);
    for (let j: u64 = 0; j < i; j++) if (list.entries[j] === index) finish(22);
    value = mix(value, index);
  }
  for (let index: u64 = 1; index <= THREADS * EACH; index++)
    if (wasAcknowledged(index) && !has(index)) finish(23);
  list.lock.release();
  return value;
}

/** @export */
function torture(): u64 {
  return runThreads(THREADS, EACH, setup, operation, check);
}
