/** Torture workload: a vector over three objects; pushing with and without growing, changing, moving up and down, several at once, shrinking. */
import '../libtwz/torture-only.ts';
import { Pool } from '../libtwz/pool.ts';
import { mix, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { createVector, Vector } from '../libtwz/vector.ts';
import { container, setUp } from './shared/state.ts';

function vector(): Vector<u64> {
  return at<Vector<u64>>(container());
}

function make(tx: Tx, pool: Pool): usize {
  return addressOf(createVector<u64>(tx, pool));
}

function setup(): void {
  setUp(make);
  for (let i: u64 = 0; i < 7; i++) vector().push(i);
}

/** Several changes that happen together. */
function together(elements: Vector<u64>): void {
  using tx = Tx.begin();
  elements.push(50);
  elements.set(0, 51);
  elements.pop();
  elements.push(52);
}

function operation(index: u64): void {
  const elements = vector();
  // The eighth fills the first segment, the ninth needs another.
  if (index <= 2) elements.push(10 + index);
  else if (index === 3) elements.set(4, 44);
  else if (index === 4) elements.insert(2, 22);
  else if (index === 5) elements.remove(0);
  else if (index === 6) elements.pop();
  else if (index === 7) together(elements);
  else elements.truncate(3);
}

function check(): u64 {
  const elements = vector();
  let value = mix(0, elements.length);
  for (let i: u64 = 0; i < elements.length; i++) value = mix(value, elements.get(i));
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(8, setup, operation, check);
}
