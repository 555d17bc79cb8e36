/** Torture workload: transactions by themselves: one range, many, several objects, a large one, aborted, nested, nested and aborted, after an abort. */
import '../libtwz/torture-only.ts';
import { Pool } from '../libtwz/pool.ts';
import { mix, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { container, setUp, state } from './shared/state.ts';

const WORDS = 64;

/** Two objects' numbers; `other` lies in another object. */
@persistent
class Numbers {
  readonly words: FixedArray<u64, 64>;
  other: Numbers | null;
}

function numbers(): Numbers {
  return at<Numbers>(container());
}

function make(tx: Tx, pool: Pool): usize {
  const first = at<Numbers>(pool.allocate(tx, sizeof<Numbers>()));
  first.other = at<Numbers>(pool.allocate(tx, sizeof<Numbers>()));
  return addressOf(first);
}

function setup(): void {
  setUp(make);
}

function one(value: u64): void {
  using tx = Tx.begin();
  numbers().words[0] = value;
}

function scattered(): void {
  using tx = Tx.begin();
  for (let i: u64 = 0; i < WORDS; i += 16) numbers().words[i] = i + 1;
}

function bothObjects(): void {
  using tx = Tx.begin();
  numbers().words[1] = 11;
  numbers().other!.words[1] = 12;
}

/** One range of several cache blocks, part of it recorded before. */
function whole(): void {
  using tx = Tx.begin();
  numbers().words[20] = 1;
  tx.record(addressOf(numbers().words), WORDS * 8);
  for (let i: u64 = 0; i < WORDS; i++) store<u64>(addressOf(numbers().words) + i * 8, 100 + i);
}

function aborted(): void {
  using tx = Tx.begin();
  numbers().words[2] = 77;
  numbers().other!.words[2] = 78;
  tx.abort();
}

function inner(give: bool): void {
  using tx = Tx.begin();
  numbers().words[3] = 33;
  numbers().words[40] = 34;
  numbers().other!.words[3] = 35;
  if (give) tx.abort();
}

function nested(): void {
  using tx = Tx.begin();
  numbers().words[3] = 3;
  inner(false);
  numbers().other!.words[4] = 36;
}

function nestedAborted(): void {
  using tx = Tx.begin();
  numbers().words[3] = 5;
  inner(true);
  numbers().words[40] = 6;
  numbers().words[50] = 7;
}

function again(): void {
  using tx = Tx.begin();
  numbers().words[8] = 1;
  tx.abort();
  numbers().words[9] = 2;
}

/** Memory that was free, and memory given back. */
function allocating(): void {
  using tx = Tx.begin();
  const made = at<Numbers>(state().pool!.allocate(tx, sizeof<Numbers>()));
  made.words[0] = 1000;
  const old = numbers().other!;
  numbers().other = made;
  state().pool!.free(tx, addressOf(old), sizeof<Numbers>());
}

function operation(index: u64): void {
  if (index === 1 || index === 11) one(index);
  else if (index === 2) scattered();
  else if (index === 3) bothObjects();
  else if (index === 4) whole();
  else if (index === 5) aborted();
  else if (index === 6) nested();
  else if (index === 7) nestedAborted();
  else if (index === 8) again();
  else allocating();
}

function check(): u64 {
  let value: u64 = 0;
  const first = numbers();
  for (const word of first.words) value = mix(value, word);
  for (const word of first.other!.words) value = mix(value, word);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(11, setup, operation, check);
}
