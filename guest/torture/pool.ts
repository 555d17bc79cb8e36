/** Torture workload: a pool that adds an object when the others are full, in transactions that also use it; one that aborts; room used again. */
import '../libtwz/torture-only.ts';
import { Pool } from '../libtwz/pool.ts';
import { finish, mix, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { container, setUp, state } from './shared/state.ts';

const BLOCK: u64 = 2048;

/** A chain of blocks. */
@persistent
class Block {
  next: Block | null;
  number: u64;
  readonly rest: FixedArray<u64, 254>;
}

function first(): Block {
  return at<Block>(container());
}

function make(tx: Tx, pool: Pool): usize {
  // Two blocks fill what an object may hold.
  pool.spanAfter(tx, 0x3000, false);
  return pool.allocate(tx, BLOCK);
}

function limit(): void {
  using tx = Tx.begin();
  state().pool!.spanAfter(tx, 0x2800, false);
}

function setup(): void {
  setUp(make);
  limit();
  while (fill()) add(0);
}

/** Has one of the objects that there are room for a block? */
function fill(): bool {
  using tx = Tx.begin();
  const before = state().pool!.count;
  state().pool!.allocate(tx, BLOCK);
  const added = state().pool!.count !== before;
  tx.abort();
  return !added;
}

function add(number: u64): void {
  using tx = Tx.begin();
  const made = at<Block>(state().pool!.allocate(tx, BLOCK));
  made.number = number;
  made.next = first().next;
  first().next = made;
}

function addAndThinkBetter(): void {
  using tx = Tx.begin();
  const made = at<Block>(state().pool!.allocate(tx, BLOCK));
  made.next = first().next;
  first().next = made;
  tx.abort();
}

function drop(): void {
  using tx = Tx.begin();
  const gone = first().next;
  if (gone === null) finish(30);
  first().next = gone!.next;
  state().pool!.free(tx, addressOf(gone), BLOCK);
}

function operation(index: u64): void {
  if (index === 4) drop();
  else if (index === 5) addAndThinkBetter();
  else add(index);
}

function check(): u64 {
  const pool = state().pool!;
  for (let i: u64 = 0; i < pool.count; i++) if (pool.heap(i) === 0) finish(20);
  let value: u64 = 0;
  for (let block = first().next; block !== null; block = block.next) value = mix(value, block.number);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(7, setup, operation, check);
}
