/** Two words of one cache block, of which the second says that the first holds: their order in the block is enough, and an own write-back and fence for the first is not needed. Here even the fence is there twice. */
// class: redundant fence
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { clean, persistFence } from 'licorice/libtwz/persist.ts';
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
class Cell {
  value: u64;
  version: u64;
}

function cell(): Cell {
  return at<Cell>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, allocateIn(tx, base, sizeof<Cell>()));
}

function operation(index: u64): void {
  const own = cell();
  own.version = index;
  clean(addressOf(own), sizeof<Cell>());
  persistFence();
  if (BUGGY) persistFence(); // redundant
}

function check(): u64 {
  if (cell().value !== 0) finish(2);
  return mix(0, cell().version);
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
