/** A log of records, whose length is kept beside it to save a scan. The length is never written back, and recovery believes it. */
// class: missing flush
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { persist, storePersistent } from 'licorice/libtwz/persist.ts';
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
class Log {
  length: u64;
  readonly reserved: FixedArray<u64, 7>;
  readonly records: FixedArray<u64, 16>;
}

function log(): Log {
  return at<Log>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Log>()));
}

function operation(index: u64): void {
  const own = log();
  storePersistent(ptrTo(own.records[own.length]).address, index);
  own.length += 1; // guilty
  if (!BUGGY) persist(addressOf(own), sizeof<u64>());
}

/** How many records there are. */
function scan(own: Log): u64 {
  let length: u64 = 0;
  while (own.records[length] !== 0) length++;
  return length;
}

function check(): u64 {
  const own = log();
  // The last record may be there without being counted.
  const length = recovering() && !BUGGY ? scan(own) : own.length;
  let state: u64 = 0;
  for (let i: u64 = 0; i < length; i++) {
    if (own.records[i] === 0) finish(2);
    state = mix(state, own.records[i]);
  }
  return state;
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
