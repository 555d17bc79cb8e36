/** Torture workload: a vector of numbers; every operation on it once or more, with and without a new segment. */
import '../libtwz/torture-only.ts';
import { createPool, Pool } from '../libtwz/pool.ts';
import { finish, makeSubject, mix, runWorkload, setSubjectRoot, subjectRoot } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { createVector, Vector } from '../libtwz/vector.ts';

/** Elements at the beginning: one less than the first segment has. */
const FIRST: u64 = 7;

function vector(): Vector<u64> {
  return at<Vector<u64>>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  makeVector(base);
  for (let i: u64 = 0; i < FIRST; i++) vector().push(100 + i);
}

function makeVector(base: usize): void {
  using tx = Tx.begin();
  const pool: Pool = createPool(tx, base);
  setSubjectRoot(tx, base, addressOf(createVector<u64>(tx, pool)));
}

function operation(index: u64): void {
  const numbers = vector();
  if (index === 1) numbers.push(1);
  else if (index === 2) numbers.push(2);
  else if (index === 3) numbers.insert(6, 3);
  else if (index === 4) numbers.set(0, 4);
  else if (index === 5) numbers.remove(5);
  else if (index === 6) numbers.truncate(4);
  else numbers.pop();
}

function check(): u64 {
  const numbers = vector();
  const length = numbers.length;
  if (length > 64) finish(20);
  let value: u64 = mix(0, length);
  for (let i: u64 = 0; i < length; i++) value = mix(value, numbers.get(i));
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(7, setup, operation, check);
}
