/**
 * `twzkv`: a key-value store as in the paper (§4): the index lies in one object, keys and values lie in data objects, as many as there are
 * kinds of rights to them. Nothing here checks access: who may not read a data object faults when reading it, and who may does not
 * notice that it is another object. A second index finds the same pairs by a number that the caller gives them.
 *
 * With `durable` every operation is crash consistent by the order of its stores: a pair is persistent before the one pointer that makes it known.
 * A power failure may cost the room of one pair. Without it, nothing is flushed, as in the published code.
 */
import { persist } from '../../libtwz/persist.ts';

@persistent
export class Pair {
  next: Pair | null;
  /** The next pair in the second index, and the number that it is found by; 0: it is not there. */
  nextTagged: Pair | null;
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

/** At the beginning of a data object. */
@persistent
export class Data {
  /** Offset of memory that was never used. */
  next: u64;
  /** Given back, by size in steps of 64 bytes. */
  readonly free: FixedArray<Pair | null, 64>;
}

/** A link: what a chain of pairs begins with. */
@persistent
class Link {
  pair: Pair | null;
}

function hashText(text: str): u64 {
  let h: u64 = 0xcbf2_9ce4_8422_2325;
  for (const byte of text.bytes) h = (h ^ u64(byte)) * 0x100_0000_01b3;
  return h ^ (h >> 29);
}

const STORE_MAGIC = 0x5645_524f_5453_564b;

/** At the beginning of the index object. */
@persistent
export class Store {
  private magic: u64;
  durable: bool;
  /** Buckets of each index, less one. */
  mask: u64;
  private byKey: Link | null;
  private byTag: Link | null;

  /** Makes an empty store of an object of zeros. `buckets` is a power of two. */
  initialise(buckets: u64, durable: bool): void {
    this.durable = durable;
    this.mask = buckets - 1;
    this.byKey = at<Link>(addressOf(this) + 64);
    this.byTag = at<Link>(addressOf(this) + 64 + buckets * sizeof<Link>());
    this.settle(addressOf(this), sizeof<Store>());
    this.magic = STORE_MAGIC;
    this.settle(addressOf(this), sizeof<Store>());
  }

  get isStore(): bool {
    return this.magic === STORE_MAGIC;
  }

  private settle(address: usize, size: u64): void {
    if (this.durable) persist(address, size);
  }

  /** Stores a pointer to a pair: what makes an operation happen. */
  private link(place: Link, pair: Pair | null): void {
    place.pair = pair;
    this.settle(addressOf(place), sizeof<Link>());
  }

  private bucket(table: Link | null, hash: u64): Link {
    return at<Link>(addressOf(table) + (hash & this.mask) * sizeof<Link>());
  }

  /** The link that leads to the pair of a key; it holds null when there is none. */
  private linkOf(key: str): Link {
    let link = this.bucket(this.byKey, hashText(key));
    for (;;) {
      const pair = link.pair;
      if (pair === null || pair.key().equals(key)) return link;
      link = at<Link>(ptrTo(pair.next).address);
    }
  }

  get(key: str): Pair | null {
    return this.linkOf(key).pair;
  }

  /** The pair with this number. */
  withTag(tag: u64): Pair | null {
    let pair = this.bucket(this.byTag, tag).pair;
    while (pair !== null && pair.tag !== tag) pair = pair.nextTagged;
    return pair;
  }

  /** Sets a key's value, in the data object that `data` begins; `tag` other than 0 enters it into the second index. */
  put(data: Data, key: str, value: str, tag: u64): void {
    const pair = this.allocate(data, offsetof<Pair>('bytes') + key.length + value.length);
    pair.keyLength = u32(key.length);
    pair.valueLength = u32(value.length);
    pair.tag = tag;
    const bytes = pair.bytes.ptr.address;
    memory.copy(bytes, key.ptr.address, key.length);
    memory.copy(bytes + key.length, value.ptr.address, value.length);
    const link = this.linkOf(key);
    const old = link.pair;
    pair.next = old === null ? null : old.next;
    const tagged = this.bucket(this.byTag, tag);
    if (tag !== 0) pair.nextTagged = tagged.pair;
    this.settle(addressOf(pair), offsetof<Pair>('bytes') + key.length + value.length);
    this.link(link, pair);
    if (tag !== 0) this.link(tagged, pair);
    if (old !== null) this.release(old);
  }

  /** Removes a key; false when it is not there. */
  remove(key: str): bool {
    const link = this.linkOf(key);
    const pair = link.pair;
    if (pair === null) return false;
    this.link(link, pair.next);
    this.release(pair);
    return true;
  }

  /** Takes a pair that no key leads to any more out of the second index, and gives its room back. */
  private release(pair: Pair): void {
    if (pair.tag !== 0) {
      let link = this.bucket(this.byTag, pair.tag);
      while (addressOf(link.pair) !== addressOf(pair)) link = at<Link>(ptrTo(link.pair!.nextTagged).address);
      this.link(link, pair.nextTagged);
    }
    const data = at<Data>((addressOf(pair) & ~u64(0x3fff_ffff)) + 0x1000);
    const size = offsetof<Pair>('bytes') + u64(pair.keyLength) + u64(pair.valueLength);
    const free = at<Link>(ptrTo(data.free[(size - 1) / 64]).address);
    pair.next = free.pair;
    this.settle(addressOf(pair), sizeof<Link>());
    this.link(free, pair);
  }

  private allocate(data: Data, size: u64): Pair {
    const steps = (size - 1) / 64;
    const free = at<Link>(ptrTo(data.free[steps]).address);
    const pair = free.pair;
    if (pair !== null) {
      this.link(free, pair.next);
      return pair;
    }
    if (data.next === 0) data.next = (sizeof<Data>() + 63) & ~u64(63);
    const made = at<Pair>(addressOf(data) + data.next);
    data.next += (steps + 1) * 64;
    this.settle(ptrTo(data.next).address, sizeof<u64>());
    return made;
  }
}
