/** A ring buffer of records between a producer and a consumer. */
const SIZE = 256;

class Record {
  time: u64;
  kind: u16;
  length: u16;
  value: u32;
}

class Ring {
  head: u32;
  tail: u32;
  readonly slots: FixedArray<Inline<Record>, typeof SIZE>;

  push(time: u64, kind: u16, value: u32): bool {
    if (this.head - this.tail === SIZE) return false;
    const slot = this.slots[this.head & (SIZE - 1)];
    slot.time = time;
    slot.kind = kind;
    slot.length = u16(value & 31);
    slot.value = value;
    this.head++;
    return true;
  }

  pop(into: Record): bool {
    if (this.head === this.tail) return false;
    const slot = this.slots[this.tail & (SIZE - 1)];
    assign(into, slot);
    this.tail++;
    return true;
  }
}

const ring = zeroed<Ring>();

/** @export */
export function run(rounds: u64): u64 {
  let sum: u64 = 0;
  const record = stack<Record>();
  ring.head = 0;
  ring.tail = 0;
  let seed: u32 = 7;
  for (let i: u64 = 0; i < rounds * 1000; i++) {
    seed = seed * 1664525 + 1013904223;
    let n = (seed >> 16) & 7;
    while (n > 0 && ring.push(i, u16(seed >> 24), seed ^ n)) n--;
    n = (seed >> 20) & 7;
    while (n > 0 && ring.pop(record)) {
      sum += record.time + u64(record.kind) * u64(record.length) + u64(record.value);
      n--;
    }
  }
  return sum;
}
