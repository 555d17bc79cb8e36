/** Two threads take numbers from a counter in persistent memory. Reading and storing it are two steps, which a lock should hold together. */
// class: race
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { Mutex } from 'licorice/libtwz/mutex.ts';
import { storePersistent } from 'licorice/libtwz/persist.ts';
import {
  finish,
  hadBegun,
  makeSubject,
  mix,
  runThreads,
  setSubjectRoot,
  subjectRoot,
  wasAcknowledged,
} from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;

@persistent
class Counter {
  readonly lock: Inline<Mutex>;
  value: u64;
}

let counter: Counter;

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  counter = at<Counter>(allocateIn(tx, base, sizeof<Counter>()));
  setSubjectRoot(tx, base, addressOf(counter));
}

function increment(): void {
  const value = counter.value;
  storePersistent(ptrTo(counter.value).address, value + 1); // guilty
}

function operation(_index: u64): void {
  if (BUGGY) increment();
  else {
    using held = counter.lock.hold();
    increment();
  }
}

function check(): u64 {
  counter = at<Counter>(subjectRoot());
  let least: u64 = 0;
  let most: u64 = 0;
  for (let index: u64 = 1; index <= 2; index++) {
    if (wasAcknowledged(index)) least++;
    if (hadBegun(index)) most++;
  }
  if (counter.value < least) finish(2);
  if (counter.value > most) finish(3);
  return mix(0, counter.value);
}

/** @export */
function torture(): u64 {
  return runThreads(2, 1, setup, operation, check);
}
