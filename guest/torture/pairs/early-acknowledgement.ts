/** A store of numbers that persists two operations at once, to save a fence, and tells its caller of each at once. */
// class: missing flush
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { persist } from 'licorice/libtwz/persist.ts';
import {
  finish,
  makeSubject,
  mix,
  runWorkload,
  setSubjectRoot,
  subjectRoot,
} from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;

@persistent
class Store {
  readonly numbers: FixedArray<u64, 8>;
}

function store(): Store {
  return at<Store>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Store>()));
}

function operation(index: u64): void {
  const numbers = store().numbers;
  numbers[index] = 7 * index; // guilty
  if (!BUGGY || index % 2 === 0) persist(addressOf(numbers), sizeof<Store>());
}

function check(): u64 {
  let state: u64 = 0;
  for (let i: u64 = 0; i < 8; i++) {
    const number = store().numbers[i];
    if (number !== 0 && number !== 7 * i) finish(2);
    state = mix(state, number);
  }
  return state;
}

/** @export */
function torture(): u64 {
  return runWorkload(4, setup, operation, check);
}
