/** Torture workload: a block is given back and its memory taken again by the same transaction; until that commits, what it held must come back. */
import '../libtwz/torture-only.ts';
import { allocateIn, freeIn } from '../libtwz/alloc.ts';
import {
  finish,
  makeSubject,
  openSubject,
  runWorkload,
  setSubjectRoot,
  subjectRoot,
} from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';

const SIZE = 256;

function replace(base: usize, old: usize, byte: u64): void {
  using tx = Tx.begin();
  if (old !== 0) freeIn(tx, old, SIZE);
  const block = allocateIn(tx, base, SIZE);
  memory.fill(block, u8(byte), SIZE);
  setSubjectRoot(tx, base, block);
}

function setup(): void {
  replace(makeSubject(), 0, 100);
}

function operation(index: u64): void {
  replace(openSubject(), subjectRoot(), index);
}

function check(): u64 {
  const bytes = at<Ptr<u8>>(subjectRoot());
  for (let i = 1; i < SIZE; i++) if (bytes[i] !== bytes[0]) finish(20);
  return u64(bytes[0]);
}

/** @export */
function torture(): u64 {
  return runWorkload(4, setup, operation, check);
}
