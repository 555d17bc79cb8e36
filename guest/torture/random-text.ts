/** Torture workload: a text over three objects, edited at random, as often as `--operations` says. */
import '../libtwz/torture-only.ts';
import { Pool } from '../libtwz/pool.ts';
import { createText, Text } from '../libtwz/text.ts';
import { mix, operationCount, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { randomOf } from './shared/random.ts';
import { container, setUp } from './shared/state.ts';

const WORDS = 'some words to insert, and a few more, so that they cross cache blocks now and then';
const LONGEST: u64 = 1500;

function text(): Text {
  return at<Text>(container());
}

function make(tx: Tx, pool: Pool): usize {
  return addressOf(createText(tx, pool));
}

function setup(): void {
  setUp(make);
}

function operation(index: u64): void {
  const own = text();
  const random = randomOf(index);
  const words = WORDS.subslice(0, 1 + ((random >> 8) % WORDS.length));
  const place = (random >> 16) % (own.length + 1);
  if (own.length < 100 || (own.length < LONGEST && random % 4 < 2)) own.append(words);
  else if (own.length < LONGEST && random % 4 === 2) own.insert(place, words);
  else own.erase(place, min<u64>(words.length, own.length - place));
}

function check(): u64 {
  const own = text();
  let value = mix(0, own.length);
  for (let i: u64 = 0; i < own.length; i++) value = mix(value, u64(own.byteAt(i)));
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(operationCount(12), setup, operation, check);
}
