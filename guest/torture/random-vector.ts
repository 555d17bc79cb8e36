/** Torture workload: a vector over three objects, changed at random, as often as `--operations` says. */
import '../libtwz/torture-only.ts';
import { Pool } from '../libtwz/pool.ts';
import { mix, operationCount, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { createVector, Vector } from '../libtwz/vector.ts';
import { randomOf } from './shared/random.ts';
import { container, setUp } from './shared/state.ts';

function vector(): Vector<u64> {
  return at<Vector<u64>>(container());
}

function make(tx: Tx, pool: Pool): usize {
  return addressOf(createVector<u64>(tx, pool));
}

function setup(): void {
  setUp(make);
}

function operation(index: u64): void {
  const elements = vector();
  const random = randomOf(index);
  const choice = random % 8;
  const length = elements.length;
  if (length < 4 || choice < 4) elements.push(random);
  else if (choice === 4) elements.insert((random >> 8) % length, random);
  else if (choice === 5) elements.remove((random >> 8) % length);
  else if (choice === 6) elements.set((random >> 8) % length, random);
  else elements.pop();
}

function check(): u64 {
  const elements = vector();
  let value = mix(0, elements.length);
  for (let i: u64 = 0; i < elements.length; i++) value = mix(value, elements.get(i));
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(operationCount(12), setup, operation, check);
}
