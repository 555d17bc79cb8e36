/**
 * `unixkv`: the store of twzkv.ts as it is written for files: the index in one file, pairs in another, each mapped wherever there was room
 * this time. A link is an offset in the data file, and every use adds the address where that file is mapped now.
 */
import { persist } from '../../libtwz/persist.ts';

export class Pair {
  next: u64;
  /** The next pair in the second index, and the number that it is found by; 0: it is not there. */
  nextTagged: u64;
  tag: u64;
  keyLength: u32;
  valueLength: u32;
  readonly bytes: FixedArray<u8, 8>;

  key(): str {
    return strOf(this.bytes.ptr, u64(this.keyLength));
  }

  value(): str {
    return strOf(this.bytes.ptr.add(i64(this.keyLength)), u64(this.valueLength));
  }
}

/** At the beginning of a data file. */
export class Data {
  /** Offset of room that was never used. */
  next: u64;
  /** Given back, by size in steps of 64 bytes. */
  readonly free: FixedArray<u64, 64>;
}

function hashText(text: str): u64 {
  let h: u64 = 0xcbf2_9ce4_8422_2325;
  for (const byte of text.bytes) h = (h ^ u64(byte)) * 0x100_0000_01b3;
  return h ^ (h >> 29);
}

/** At the beginning of the index file, 64 bytes; then the two tables of links. */
export class Store {
  durable: bool;
  /** Buckets of each index, less one. */
  mask: u64;

  initialise(buckets: u64, durable: bool): void {
    this.durable = durable;
    this.mask = buckets - 1;
    this.settle(addressOf(this), sizeof<Store>());
  }

  private settle(address: usize, size: u64): void {
    if (this.durable) persist(address, size);
  }

  /** Stores a link: what makes an operation happen. */
  private link(place: usize, link: u64): void {
    store<u64>(place, link);
    this.settle(place, sizeof<u64>());
  }

  private keyBucket(hash: u64): usize {
    return addressOf(this) + 64 + (hash & this.mask) * 8;
  }

  private tagBucket(tag: u64): usize {
    return addressOf(this) + 64 + (this.mask + 1 + (tag & this.mask)) * 8;
  }

  /** Where the link to the pair of a key is; it holds 0 when there is none. */
  private linkOf(base: usize, key: str): usize {
    let place = this.keyBucket(hashText(key));
    for (;;) {
      const link = load<u64>(place);
      if (link === 0) return place;
      const pair = at<Pair>(base + link);
      if (pair.key().equals(key)) return place;
      place = ptrTo(pair.next).address;
    }
  }

  get(base: usize, key: str): Pair | null {
    const link = load<u64>(this.linkOf(base, key));
    return link === 0 ? null : at<Pair>(base + link);
  }

  /** The pair with this number. */
  withTag(base: usize, tag: u64): Pair | null {
    let link = load<u64>(this.tagBucket(tag));
    while (link !== 0) {
      const pair = at<Pair>(base + link);
      if (pair.tag === tag) return pair;
      link = pair.nextTagged;
    }
    return null;
  }

  /** Sets a key's value, in the data file mapped at `base`; `tag` other than 0 enters it into the second index. */
  put(base: usize, key: str, value: str, tag: u64): void {
    const pair = this.allocate(base, offsetof<Pair>('bytes') + key.length + value.length);
    pair.keyLength = u32(key.length);
    pair.valueLength = u32(value.length);
    pair.tag = tag;
    const bytes = pair.bytes.ptr.address;
    memory.copy(bytes, key.ptr.address, key.length);
    memory.copy(bytes + key.length, value.ptr.address, value.length);
    const place = this.linkOf(base, key);
    const old = load<u64>(place);
    pair.next = old === 0 ? 0 : at<Pair>(base + old).next;
    const tagged = this.tagBucket(tag);
    if (tag !== 0) pair.nextTagged = load<u64>(tagged);
    this.settle(addressOf(pair), offsetof<Pair>('bytes') + key.length + value.length);
    const link = addressOf(pair) - base;
    this.link(place, link);
    if (tag !== 0) this.link(tagged, link);
    if (old !== 0) this.release(base, old);
  }

  /** Removes a key; false when it is not there. */
  remove(base: usize, key: str): bool {
    const place = this.linkOf(base, key);
    const link = load<u64>(place);
    if (link === 0) return false;
    this.link(place, at<Pair>(base + link).next);
    this.release(base, link);
    return true;
  }

  /** Takes a pair that no key leads to any more out of the second index, and gives its room back. */
  private release(base: usize, link: u64): void {
    const pair = at<Pair>(base + link);
    if (pair.tag !== 0) {
      let place = this.tagBucket(pair.tag);
      while (load<u64>(place) !== link) place = ptrTo(at<Pair>(base + load<u64>(place)).nextTagged).address;
      this.link(place, pair.nextTagged);
    }
    const data = at<Data>(base);
    const size = offsetof<Pair>('bytes') + u64(pair.keyLength) + u64(pair.valueLength);
    const free = ptrTo(data.free[(size - 1) / 64]).address;
    pair.next = load<u64>(free);
    this.settle(addressOf(pair), sizeof<u64>());
    this.link(free, link);
  }

  private allocate(base: usize, size: u64): Pair {
    const data = at<Data>(base);
    const steps = (size - 1) / 64;
    const free = ptrTo(data.free[steps]).address;
    const link = load<u64>(free);
    if (link !== 0) {
      const pair = at<Pair>(base + link);
      this.link(free, pair.next);
      return pair;
    }
    if (data.next === 0) data.next = (sizeof<Data>() + 63) & ~u64(63);
    const made = at<Pair>(base + data.next);
    data.next += (steps + 1) * 64;
    this.settle(ptrTo(data.next).address, sizeof<u64>());
    return made;
  }
}
