/** A binary heap of timers as a priority queue. */
const SIZE = 1024;

class Timer {
  when: u64;
  id: u32;
}

class Queue {
  count: u64;
  readonly items: FixedArray<Inline<Timer>, typeof SIZE>;

  push(when: u64, id: u32): void {
    let i = this.count;
    this.count++;
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = this.items[up];
      if (parent.when <= when) break;
      const child = this.items[i];
      child.when = parent.when;
      child.id = parent.id;
      i = up;
    }
    const place = this.items[i];
    place.when = when;
    place.id = id;
  }

  pop(): u32 {
    const top = this.items[0].id;
    this.count--;
    const when = this.items[this.count].when;
    const id = this.items[this.count].id;
    let i: u64 = 0;
    for (;;) {
      let child = i * 2 + 1;
      if (child >= this.count) break;
      if (child + 1 < this.count && this.items[child + 1].when < this.items[child].when) child++;
      const lower = this.items[child];
      if (when <= lower.when) break;
      const place = this.items[i];
      place.when = lower.when;
      place.id = lower.id;
      i = child;
    }
    const place = this.items[i];
    place.when = when;
    place.id = id;
    return top;
  }
}

const queue = zeroed<Queue>();

/** @export */
export function run(rounds: u64): u64 {
  let sum: u64 = 0;
  for (let r: u64 = 0; r < rounds; r++) {
    queue.count = 0;
    let seed: u64 = 3;
    for (let i: u32 = 0; i < 1000; i++) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      queue.push(seed >> 30, i);
    }
    for (let i: u32 = 0; i < 2000; i++) {
      const id = queue.pop();
      sum = sum * 31 + u64(id);
      seed = seed * 6364136223846793005 + 1442695040888963407;
      queue.push(seed >> 30, id);
    }
    while (queue.count > 0) sum = sum * 31 + u64(queue.pop());
  }
  return sum;
}
