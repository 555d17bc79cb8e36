/** An undo log of one's own. Recovery closes it before the words are copied back: a second failure, in between, finds the log closed and the words changed. */
// class: recovery
// depth: 2
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
class Word {
  value: u64;
}

/** @align 64 */
@persistent
class Pair {
  open: u64;
  old: u64;
  readonly words: FixedArray<Inline<Word>, 2>;
}

function pair(): Pair {
  return at<Pair>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Pair>()));
}

function setWords(own: Pair, value: u64): void {
  for (let i: u64 = 0; i < 2; i++) storePersistent(ptrTo(own.words[i].value).address, value); // guilty
}

function close(own: Pair): void {
  storePersistent(ptrTo(own.open).address, 0); // too early
}

function operation(index: u64): void {
  const own = pair();
  storePersistent(ptrTo(own.old).address, own.words[0].value);
  storePersistent(ptrTo(own.open).address, 1);
  setWords(own, index);
  close(own);
}

function recover(own: Pair): void {
  if (own.open === 0) return;
  if (BUGGY) close(own);
  setWords(own, own.old);
  if (!BUGGY) close(own);
}

function check(): u64 {
  const own = pair();
  if (recovering()) recover(own);
  if (own.words[0].value !== own.words[1].value) finish(2);
  return mix(0, own.words[0].value);
}

/** @export */
function torture(): u64 {
  return runWorkload(2, setup, operation, check);
}
