/**
 * `unixkv-multi`: unixkv.ts with several data files that differ in who may read them, each mapped wherever there
 * was room this time. A link is the number of a file and an offset in it, and every use looks up where that file is mapped. Files are opened
 * with the rights that the process has as a whole, so who may read which data file is this code's to check, at each access.
 */
import { persist } from '../../libtwz/persist.ts';

/** Files of a store: the index is number 0. */
const FILES = 16;
/** `Opened.allowed`. */
export const MAY_READ = 1;
export const MAY_WRITE = 2;

/** What this process has open: made anew by every process. */
export class Opened {
  readonly bases: FixedArray<usize, 16>;
  readonly allowed: FixedArray<u32, 16>;

  /** The address that a link means; the access is checked. 0: it may not be. */
  address(link: u64, wanted: u32): usize {
    const file = (link >> 32) % FILES;
    if ((unchecked(this.allowed[file]) & wanted) !== wanted) return 0;
    return unchecked(this.bases[file]) + (link & 0xffff_ffff);
  }

  /** The link that an address in a file is stored as. */
  link(file: u64, address: usize): u64 {
    return (file << 32) | (address - this.bases[file]);
  }
}

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

  /** Where the link to the pair of a key is; it holds 0 when there is none. 0: a file on the way may not be read. */
  private linkOf(files: Opened, key: str): usize {
    let place = this.keyBucket(hashText(key));
    for (;;) {
      const link = load<u64>(place);
      if (link === 0) return place;
      const address = files.address(link, MAY_READ);
      if (address === 0) return 0;
      const pair = at<Pair>(address);
      if (pair.key().equals(key)) return place;
      place = ptrTo(pair.next).address;
    }
  }

  get(files: Opened, key: str): Pair | null {
    const place = this.linkOf(files, key);
    if (place === 0) return null;
    const link = load<u64>(place);
    if (link === 0) return null;
    return at<Pair>(files.address(link, MAY_READ));
  }

  /** The pair with this number. */
  withTag(files: Opened, tag: u64): Pair | null {
    let link = load<u64>(this.tagBucket(tag));
    while (link !== 0) {
      const address = files.address(link, MAY_READ);
      if (address === 0) return null;
      const pair = at<Pair>(address);
      if (pair.tag === tag) return pair;
      link = pair.nextTagged;
    }
    return null;
  }

  /** Sets a key's value, in data file `file`; `tag` other than 0 enters it into the second index. False: access denied. */
  put(files: Opened, file: u64, key: str, value: str, tag: u64): bool {
    const header = files.address(file << 32, MAY_READ | MAY_WRITE);
    if (header === 0) return false;
    const pair = this.allocate(
      files,
      file,
      at<Data>(header),
      offsetof<Pair>('bytes') + key.length + value.length,
    );
    if (pair === null) return false;
    pair.keyLength = u32(key.length);
    pair.valueLength = u32(value.length);
    pair.tag = tag;
    const bytes = pair.bytes.ptr.address;
    memory.copy(bytes, key.ptr.address, key.length);
    memory.copy(bytes + key.length, value.ptr.address, value.length);
    const place = this.linkOf(files, key);
    if (place === 0) return false;
    const old = load<u64>(place);
    if (old === 0) pair.next = 0;
    else {
      const before = files.address(old, MAY_READ | MAY_WRITE);
      if (before === 0) return false;
      pair.next = at<Pair>(before).next;
    }
    const tagged = this.tagBucket(tag);
    if (tag !== 0) pair.nextTagged = load<u64>(tagged);
    this.settle(addressOf(pair), offsetof<Pair>('bytes') + key.length + value.length);
    const link = files.link(file, addressOf(pair));
    this.link(place, link);
    if (tag !== 0) this.link(tagged, link);
    return old === 0 || this.release(files, old);
  }

  /** Removes a key; false when it is not there, or access is denied. */
  remove(files: Opened, key: str): bool {
    const place = this.linkOf(files, key);
    if (place === 0) return false;
    const link = load<u64>(place);
    if (link === 0) return false;
    const address = files.address(link, MAY_READ | MAY_WRITE);
    if (address === 0) return false;
    this.link(place, at<Pair>(address).next);
    return this.release(files, link);
  }

  /** Takes a pair that no key leads to any more out of the second index, and gives its room back. */
  private release(files: Opened, link: u64): bool {
    const address = files.address(link, MAY_READ | MAY_WRITE);
    if (address === 0) return false;
    const pair = at<Pair>(address);
    if (pair.tag !== 0) {
      let place = this.tagBucket(pair.tag);
      while (load<u64>(place) !== link) {
        const other = files.address(load<u64>(place), MAY_READ | MAY_WRITE);
        if (other === 0) return false;
        place = ptrTo(at<Pair>(other).nextTagged).address;
      }
      this.link(place, pair.nextTagged);
    }
    const data = at<Data>(files.address(link & 0xffff_ffff_0000_0000, MAY_READ | MAY_WRITE));
    const size = offsetof<Pair>('bytes') + u64(pair.keyLength) + u64(pair.valueLength);
    const free = ptrTo(data.free[(size - 1) / 64]).address;
    pair.next = load<u64>(free);
    this.settle(addressOf(pair), sizeof<u64>());
    this.link(free, link);
    return true;
  }

  private allocate(files: Opened, file: u64, data: Data, size: u64): Pair | null {
    const steps = (size - 1) / 64;
    const free = ptrTo(data.free[steps]).address;
    const link = load<u64>(free);
    if (link !== 0) {
      const address = files.address(link, MAY_READ | MAY_WRITE);
      if (address === 0) return null;
      const pair = at<Pair>(address);
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
