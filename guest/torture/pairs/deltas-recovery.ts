/** Amounts are added to a balance by a log: a record says how much, and recovery adds what a record says that is still there. It forgets that the balance may have grown already. */
// class: recovery
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { storePersistent } from 'licorice/libtwz/persist.ts';
import {
  finish,
  makeSubject,
  mix,
  recovering,
  runWorkload,
  setSubjectRoot,
  subjectRoot,
} from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;

/** @align 64 */
@persistent
class Ledger {
  balance: u64;
  readonly reserved: FixedArray<u64, 7>;
  /** To be added to the balance; 0: nothing. */
  pending: u64;
  /** The balance that `pending` was for. */
  before: u64;
}

function ledger(): Ledger {
  return at<Ledger>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Ledger>()));
}

function apply(own: Ledger): void {
  const base = BUGGY ? own.balance : own.before;
  storePersistent(ptrTo(own.balance).address, base + own.pending); // too early
  storePersistent(ptrTo(own.pending).address, 0); // guilty
}

function operation(index: u64): void {
  const own = ledger();
  storePersistent(ptrTo(own.before).address, own.balance);
  storePersistent(ptrTo(own.pending).address, index * 10);
  apply(own);
}

function check(): u64 {
  const own = ledger();
  if (recovering() && own.pending !== 0) apply(own);
  if (own.balance % 10 !== 0) finish(2);
  return mix(0, own.balance);
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
