/** A lock of one's own in the object that it guards: a word that is 1 while somebody has it. A failure leaves it so, and who comes later waits for ever. */
// class: recovery
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { Mutex } from 'licorice/libtwz/mutex.ts';
import { storePersistent } from 'licorice/libtwz/persist.ts';
import { makeSubject, mix, runWorkload, setSubjectRoot, subjectRoot } from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;

@persistent
class Guarded {
  readonly mutex: Inline<Mutex>;
  lock: u64;
  value: u64;
}

function guarded(): Guarded {
  return at<Guarded>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Guarded>()));
}

function acquire(own: Guarded): void {
  if (!BUGGY) {
    own.mutex.acquire();
    return;
  }
  while (atomic.exchange<u64>(ptrTo(own.lock), 1, Order.acquire) !== 0); // too early
}

function release(own: Guarded): void {
  if (BUGGY)
    atomic.store<u64>(ptrTo(own.lock), 0, Order.release); // guilty
  else own.mutex.release();
}

function operation(index: u64): void {
  const own = guarded();
  acquire(own);
  storePersistent(ptrTo(own.value).address, index);
  release(own);
}

function check(): u64 {
  const own = guarded();
  acquire(own);
  const value = own.value;
  release(own);
  return mix(0, value);
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
