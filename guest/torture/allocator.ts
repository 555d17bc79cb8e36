/** Torture workload: blocks are allocated and given back; the heap always accounts for what hangs on its list. */
import '../libtwz/torture-only.ts';
import { Anchor, allocateIn, freeIn, heapOf } from '../libtwz/alloc.ts';
import { finish, makeSubject, mix, openSubject, operationCount, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { randomOf } from './shared/random.ts';

@persistent
class Block {
  next: Block | null;
  size: u64;
  fill: u64;
}

/** Sizes by operation; 0 gives the block in front back. More operations take sizes at random. */
const SIZES: FixedArray<u64, 7> = [24, 100, 0, 24, 5000, 0, 0];

function setup(): void {
  makeSubject();
}

function operation(index: u64): void {
  const random = randomOf(index);
  const size =
    index <= 7
      ? SIZES[index - 1]
      : random % 3 === 0
        ? 0
        : 16 + ((random >> 8) % (u64(1) << (5 + ((random >> 4) % 8))));
  if (size === 0) pop();
  else push(size);
}

function push(size: u64): void {
  const base = openSubject();
  const heap = heapOf(base);
  using tx = Tx.begin();
  const block = at<Block>(allocateIn(tx, base, size));
  block.next = changetype<Block | null>(heap.root);
  block.size = size;
  block.fill = ~size;
  heap.root = changetype<Anchor | null>(block);
}

function pop(): void {
  const heap = heapOf(openSubject());
  if (heap.root === null) return;
  const block = changetype<Block>(heap.root!);
  using tx = Tx.begin();
  heap.root = changetype<Anchor | null>(block.next);
  freeIn(tx, addressOf(block), block.size);
}

/** Bytes that an allocation takes. */
function rounded(size: u64): u64 {
  return u64(1) << (64 - clz<u64>(max<u64>(size, 16) - 1));
}

function check(): u64 {
  const heap = heapOf(openSubject());
  let value: u64 = 0;
  let used: u64 = 0;
  for (let block = changetype<Block | null>(heap.root); block !== null; block = block.next) {
    if (block.fill !== ~block.size) finish(20);
    value = mix(value, block.size);
    used += rounded(block.size);
  }
  if (used !== heap.used) finish(21);
  return mix(mix(value, heap.next), heap.used);
}

/** @export */
function torture(): u64 {
  return runWorkload(operationCount(7), setup, operation, check);
}
