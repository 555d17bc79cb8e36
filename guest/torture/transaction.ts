/**
 * Torture workload: transactions over two objects, one within another, one that aborts, and one that logs a large range. Each moves amounts
 * between accounts; whatever happens, the sum stays the same.
 */
import '../libtwz/torture-only.ts';
import { allocateIn } from '../libtwz/alloc.ts';
import { createPool, Pool } from '../libtwz/pool.ts';
import { finish, makeSubject, mix, runWorkload, setSubjectRoot, subjectRoot } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';

const ACCOUNTS: u64 = 24;
const SUM: u64 = 2400;

@persistent
class Accounts {
  readonly amounts: FixedArray<u64, 24>;
}

@persistent
class Bank {
  first: Accounts | null;
  /** In another object. */
  second: Accounts | null;
}

function bank(): Bank {
  return at<Bank>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  const pool: Pool = createPool(tx, base);
  const made = at<Bank>(allocateIn(tx, base, sizeof<Bank>()));
  made.first = at<Accounts>(allocateIn(tx, base, sizeof<Accounts>()));
  const other = pool.addObject();
  if (other < 0) finish(10);
  made.second = at<Accounts>(allocateIn(tx, pool.heap(u64(other)), sizeof<Accounts>()));
  const accounts = made.first!;
  for (let i: u64 = 0; i < ACCOUNTS; i++) accounts.amounts[i] = 100;
  setSubjectRoot(tx, base, addressOf(made));
}

function move(tx: Tx, from: u64, to: u64, amount: u64): void {
  const first = bank().first!;
  const second = bank().second!;
  first.amounts[from] -= amount;
  second.amounts[to] += amount;
}

function operation(index: u64): void {
  using tx = Tx.begin();
  if (index === 1) move(tx, 0, 0, 1);
  else if (index === 2) {
    nested(2);
    move(tx, 23, 23, 4);
  } else if (index === 3) {
    move(tx, 4, 4, 5);
    tx.abort();
  } else if (index === 4) {
    for (let i: u64 = 0; i < ACCOUNTS; i++) move(tx, i, ACCOUNTS - 1 - i, i);
  } else {
    aborted(5);
    move(tx, 1, 1, 6);
  }
}

function nested(amount: u64): void {
  using tx = Tx.begin();
  move(tx, 9, 9, amount);
}

function aborted(amount: u64): void {
  using tx = Tx.begin();
  move(tx, 10, 10, amount);
  tx.abort();
}

function check(): u64 {
  const first = bank().first!;
  const second = bank().second!;
  let sum: u64 = 0;
  let value: u64 = 0;
  for (let i: u64 = 0; i < ACCOUNTS; i++) {
    sum += first.amounts[i] + second.amounts[i];
    value = mix(mix(value, first.amounts[i]), second.amounts[i]);
  }
  if (sum !== SUM) finish(20);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(5, setup, operation, check);
}
