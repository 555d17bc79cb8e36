/** A first-fit allocator with a free list in address order and coalescing, under a random load. */
const HEAP = 65536;
const LIVE = 64;

class Block {
  size: u64;
  next: Block | null;
}

const heap = zeroed<FixedArray<u64, 8192>>();
const live = zeroed<FixedArray<usize, typeof LIVE>>();
let free: Block | null = null;

function reset(): void {
  const first = changetype<Block>(addressOf(heap));
  first.size = HEAP;
  first.next = null;
  free = first;
}

function allocate(bytes: u64): usize {
  const size = (bytes + 23) & ~u64(15);
  let before: Block | null = null;
  let block = free;
  while (block !== null && block.size < size) {
    before = block;
    block = block.next;
  }
  if (block === null) return 0;
  let rest = block.next;
  if (block.size - size >= 32) {
    const tail = at<Block>(addressOf(block) + size);
    tail.size = block.size - size;
    tail.next = rest;
    block.size = size;
    rest = tail;
  }
  if (before === null) free = rest;
  else before.next = rest;
  return addressOf(block) + 8;
}

function release(address: usize): void {
  const block = at<Block>(address - 8);
  let before: Block | null = null;
  let after = free;
  while (after !== null && addressOf(after) < addressOf(block)) {
    before = after;
    after = after.next;
  }
  block.next = after;
  if (after !== null && addressOf(block) + block.size === addressOf(after)) {
    block.size += after.size;
    block.next = after.next;
  }
  if (before === null) free = block;
  else if (addressOf(before) + before.size === addressOf(block)) {
    before.size += block.size;
    before.next = block.next;
  } else before.next = block;
}

/** @export */
export function run(rounds: u64): u64 {
  let sum: u64 = 0;
  for (let r: u64 = 0; r < rounds; r++) {
    reset();
    for (let i: u64 = 0; i < LIVE; i++) live[i] = 0;
    let seed: u64 = 42;
    for (let i: u64 = 0; i < 4000; i++) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      const slot = (seed >> 40) & (LIVE - 1);
      if (live[slot] !== 0) {
        release(live[slot]);
        live[slot] = 0;
      } else {
        const address = allocate(16 + ((seed >> 50) & 1023));
        live[slot] = address;
        if (address !== 0) sum += (address - addressOf(heap)) ^ i;
      }
    }
  }
  return sum;
}
