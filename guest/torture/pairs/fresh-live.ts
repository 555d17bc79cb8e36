/** A buffer is rewritten in a transaction that is told that the buffer is fresh memory, to save the log. It holds what the program still needs when the power fails. */
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

/** @align 64 */
@persistent
class Buffer {
  readonly words: FixedArray<u64, 16>;
}

function buffer(): Buffer {
  return at<Buffer>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Buffer>()));
}

function operation(index: u64): void {
  using tx = Tx.begin();
  const own = buffer();
  if (BUGGY) tx.fresh(addressOf(own), sizeof<Buffer>());
  for (let i: u64 = 0; i < 16; i++) own.words[i] = index * 100; // guilty
}

function check(): u64 {
  const own = buffer();
  for (let i: u64 = 0; i < 16; i++) if (own.words[i] !== own.words[0]) finish(2);
  return mix(0, own.words[0]);
}

/** @export */
function torture(): u64 {
  return runWorkload(2, setup, operation, check);
}
