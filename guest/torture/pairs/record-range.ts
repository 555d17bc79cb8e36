/** Records of any length behind each other, and a word that says how far they go. Of a record only the size of its header is written back. */
// class: missing flush
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { persist, storePersistent } from 'licorice/libtwz/persist.ts';
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
class Header {
  length: u64;
  kind: u64;
}

/** @align 64 */
@persistent
class Log {
  /** Words in use. */
  tail: u64;
  readonly reserved: FixedArray<u64, 7>;
  readonly words: FixedArray<u64, 96>;
}

function log(): Log {
  return at<Log>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Log>()));
}

function append(own: Log, kind: u64, length: u64): void {
  const start = own.tail;
  const header = at<Header>(ptrTo(own.words[start]).address);
  header.length = length;
  header.kind = kind;
  for (let i: u64 = 0; i < length; i++) own.words[start + 2 + i] = kind * 1000 + i; // guilty
  persist(addressOf(header), BUGGY ? sizeof<Header>() : sizeof<Header>() + length * 8);
  storePersistent(ptrTo(own.tail).address, start + 2 + length); // too early
}

function operation(index: u64): void {
  append(log(), index, 12);
}

function check(): u64 {
  const own = log();
  let state: u64 = 0;
  for (let at_: u64 = 0; at_ < own.tail; ) {
    const header = at<Header>(ptrTo(own.words[at_]).address);
    if (header.length > 32) finish(2);
    for (let i: u64 = 0; i < header.length; i++)
      if (own.words[at_ + 2 + i] !== header.kind * 1000 + i) finish(3);
    state = mix(state, header.kind);
    at_ += 2 + header.length;
  }
  return state;
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
