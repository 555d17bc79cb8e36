/** A transfer between two accounts in a transaction. One of them is changed through a pointer, which the compiler does not log. */
// class: order
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { clean } from 'licorice/libtwz/persist.ts';
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

/** @align 64 */
@persistent
class Account {
  amount: u64;
}

@persistent
class Bank {
  readonly accounts: FixedArray<Inline<Account>, 2>;
}

function bank(): Bank {
  return at<Bank>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  const made = at<Bank>(allocateIn(tx, base, sizeof<Bank>()));
  made.accounts[0].amount = 100;
  made.accounts[1].amount = 0;
  setSubjectRoot(tx, base, addressOf(made));
}

function transfer(amount: u64): void {
  using tx = Tx.begin();
  const from = bank().accounts[0];
  const to = ptrTo(bank().accounts[1].amount);
  from.amount -= amount;
  if (!BUGGY) tx.record(to.address, sizeof<u64>());
  to[0] = to[0] + amount; // too early
  clean(to.address, sizeof<u64>());
}

function operation(index: u64): void {
  transfer(index);
}

function check(): u64 {
  const from = bank().accounts[0].amount;
  const to = bank().accounts[1].amount;
  if (from + to !== 100) finish(2);
  return mix(from, to);
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
