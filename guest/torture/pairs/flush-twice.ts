/** A record of one cache block whose fields are made persistent one by one, in helpers that do not know of each other, and once more as a whole at the end. */
// class: redundant flush
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { clean, persist, persistFence } from 'licorice/libtwz/persist.ts';
import { makeSubject, mix, runWorkload, setSubjectRoot, subjectRoot } from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;

/** @align 64 */
@persistent
class Record {
  serial: u64;
}

function record(): Record {
  return at<Record>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Record>()));
}

function operation(index: u64): void {
  const own = record();
  own.serial = index;
  persist(addressOf(own), sizeof<Record>());
  if (BUGGY) clean(addressOf(own), sizeof<Record>()); // redundant
  if (BUGGY) persistFence();
}

function check(): u64 {
  return mix(0, record().serial);
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
