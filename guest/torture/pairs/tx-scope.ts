/** A counter and its copy change in a transaction, whose scope ends one line too soon. */
// class: order
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
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
class Counters {
  first: u64;
  readonly others: FixedArray<u64, 10>;
  second: u64;
}

function counters(): Counters {
  return at<Counters>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Counters>()));
}

function operation(_index: u64): void {
  const both = counters();
  {
    using tx = Tx.begin();
    both.first += 1;
    if (!BUGGY) both.second += 1;
  }
  if (BUGGY) both.second += 1; // guilty
}

function check(): u64 {
  if (counters().first !== counters().second) finish(2);
  return mix(0, counters().first);
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
