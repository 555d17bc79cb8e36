/** A hash table with open addressing and linear probing: insertions, then hits and misses. */
const SLOTS = 8192;

class Entry {
  key: u64;
  value: u64;
}

const table = zeroed<FixedArray<Inline<Entry>, typeof SLOTS>>();

function hash(key: u64): u64 {
  let h = key * 0x9e37_79b9_7f4a_7c15;
  h ^= h >> 32;
  return h & (SLOTS - 1);
}

function insert(key: u64, value: u64): void {
  let at = hash(key);
  for (;;) {
    const entry = table[at];
    if (entry.key === 0 || entry.key === key) {
      entry.key = key;
      entry.value = value;
      return;
    }
    at = (at + 1) & (SLOTS - 1);
  }
}

function lookup(key: u64): u64 {
  let at = hash(key);
  for (;;) {
    const entry = table[at];
    if (entry.key === key) return entry.value;
    if (entry.key === 0) return 0;
    at = (at + 1) & (SLOTS - 1);
  }
}

/** @export */
export function run(rounds: u64): u64 {
  let sum: u64 = 0;
  for (let r: u64 = 0; r < rounds; r++) {
    for (let i: u64 = 0; i < SLOTS; i++) table[i].key = 0;
    for (let i: u64 = 1; i <= 5000; i++) insert(i * 2654435761, i);
    for (let i: u64 = 1; i <= 10000; i++) sum += lookup(i * 2654435761);
  }
  return sum;
}
