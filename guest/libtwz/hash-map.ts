/**
 * A hash map from 64-bit keys to numbers of 64 bits or references to persistent classes. It grows and shrinks by one bucket at a time (linear
 * hashing, Litwin 1980), so no operation ever rehashes the whole; buckets lie in segments that double, each possibly in another object.
 *
 * A bucket is 256 bytes, the line of the media: four cache blocks, each with three entries and the word that says which of
 * them count. As the stores to a block persist in their order, an insertion writes the entry, then that word, and cleans one block:
 * one fence and no log. A removal is one store, and so is a new value. Splitting, merging and overflowing are transactions.
 *
 * The number of entries is not kept, as that would cost every insertion another block; `count` counts.
 */
import { persist } from './persist.ts';
import { Pool } from './pool.ts';
import { joinTx, Tx } from './tx.ts';

const LINES = 4;
const LINE_ENTRIES = 3;
const BUCKET_ENTRIES = LINES * LINE_ENTRIES;
/** Buckets of the first segment; each further one has as many as all before it. */
const FIRST_BUCKETS: u64 = 4;
const SEGMENTS = 21;

@persistent
class Entry<V> {
  key: u64;
  value: V;
}

/** A cache block of a bucket. */
@persistent
class Line<V> {
  /** Bit i: entry i counts. Written after the entry. */
  used: u64;
  readonly entries: FixedArray<Inline<Entry<V>>, 3>;
  /** In a bucket's first line: the bucket that it overflows into. */
  next: Bucket<V> | null;
}

@persistent
class Bucket<V> {
  readonly lines: FixedArray<Inline<Line<V>>, 4>;
}

/** Where an entry is; `line` null: nowhere. */
class Place<V> {
  line: Line<V> | null;
  index: u64;
}

/** Spreads keys over all 64 bits (the finaliser of SplitMix64). */
export function hashOf(key: u64): u64 {
  let h = key;
  h = (h ^ (h >> 30)) * 0xbf58_476d_1ce4_e5b9;
  h = (h ^ (h >> 27)) * 0x94d0_49bb_1331_11eb;
  return h ^ (h >> 31);
}

/** Line of a bucket that entries with this hash go to first. */
function homeLine(hash: u64): u64 {
  return hash >> 62;
}

/** Largest power of two that is at most `n`. */
function powerBelow(n: u64): u64 {
  return u64(1) << (63 - clz<u64>(n));
}

@persistent
export class HashMap<V> {
  /** Buckets: FIRST_BUCKETS or more. Those below `buckets - powerBelow(buckets)` have been split in this round. */
  private buckets: u64;
  private pool: Pool | null;
  private readonly segments: FixedArray<Bucket<V> | null, 21>;

  /** Makes the map empty, with its memory from `pool`; for maps inside of other structures. */
  initialise(tx: Tx, pool: Pool): void {
    this.pool = pool;
    this.segments[0] = at<Bucket<V>>(pool.allocate(tx, FIRST_BUCKETS * sizeof<Bucket<V>>()));
    this.buckets = FIRST_BUCKETS;
  }

  /** Number of buckets now, overflow not counted. */
  get bucketCount(): u64 {
    return this.buckets;
  }

  private bucketAt(index: u64): Bucket<V> {
    // Segment 0: buckets 0…3; segment s: 4·2^(s−1) … 4·2^s − 1.
    const segment = index < FIRST_BUCKETS ? 0 : 62 - clz<u64>(index);
    const first = segment === 0 ? 0 : powerBelow(index);
    const base = addressOf(unchecked(this.segments[segment]));
    return at<Bucket<V>>(base + (index - first) * sizeof<Bucket<V>>());
  }

  private bucketOf(hash: u64): u64 {
    const power = powerBelow(this.buckets);
    const index = hash & (2 * power - 1);
    return index < this.buckets ? index : index - power;
  }

  private find(key: u64, place: Place<V>): void {
    const hash = hashOf(key);
    const home = homeLine(hash);
    for (let bucket: Bucket<V> | null = this.bucketAt(this.bucketOf(hash)); bucket !== null; ) {
      for (let i: u64 = 0; i < LINES; i++) {
        const line: Line<V> = unchecked(bucket.lines[(home + i) % LINES]);
        const used = line.used;
        for (let e: u64 = 0; e < LINE_ENTRIES; e++) {
          if (((used >> e) & 1) === 0 || unchecked(line.entries[e]).key !== key) continue;
          place.line = line;
          place.index = e;
          return;
        }
      }
      bucket = bucket.lines[0].next;
    }
    place.line = null;
  }

  has(key: u64): bool {
    const place = stack<Place<V>>();
    this.find(key, place);
    return place.line !== null;
  }

  /** The value of a key, or `otherwise` when the map does not have it. */
  get(key: u64, otherwise: V): V {
    const place = stack<Place<V>>();
    this.find(key, place);
    const line = place.line;
    return line === null ? otherwise : unchecked(line.entries[place.index]).value;
  }

  /** Gives a key a value; true when the key is new. */
  put(key: u64, value: V): bool {
    const place = stack<Place<V>>();
    this.find(key, place);
    const line = place.line;
    if (line !== null) {
      const entry: Entry<V> = unchecked(line.entries[place.index]);
      const joined = joinTx(addressOf(line), sizeof<Line<V>>());
      entry.value = value;
      if (!joined) persist(ptrTo(entry.value).address, sizeof<u64>());
      return false;
    }
    const hash = hashOf(key);
    let free = this.freeLine(this.bucketAt(this.bucketOf(hash)), hash);
    if (free === null) {
      this.grow();
      // The bucket that was split need not be this one.
      free = this.roomFor(hash);
    }
    this.fill(free, key, value);
    return true;
  }

  /** A line with a free entry in the chain of a bucket, the home line of the hash first; null: none. */
  private freeLine(first: Bucket<V>, hash: u64): Line<V> | null {
    const home = homeLine(hash);
    for (let bucket: Bucket<V> | null = first; bucket !== null; ) {
      for (let i: u64 = 0; i < LINES; i++) {
        const line: Line<V> = unchecked(bucket.lines[(home + i) % LINES]);
        if (line.used !== (1 << LINE_ENTRIES) - 1) return line;
      }
      bucket = bucket.lines[0].next;
    }
    return null;
  }

  /** A line with a free entry for a hash, in an overflow bucket that is made if need be. */
  private roomFor(hash: u64): Line<V> {
    const first = this.bucketAt(this.bucketOf(hash));
    const free = this.freeLine(first, hash);
    if (free !== null) return free;
    using tx = Tx.begin();
    const more = at<Bucket<V>>(this.pool!.allocate(tx, sizeof<Bucket<V>>()));
    let last = first;
    for (;;) {
      const next = last.lines[0].next;
      if (next === null) break;
      last = next;
    }
    last.lines[0].next = more;
    return more.lines[homeLine(hash)];
  }

  /** Writes an entry into a line that has room: contents first, then the bit, all in one cache block. */
  private fill(line: Line<V>, key: u64, value: V): void {
    const joined = joinTx(addressOf(line), sizeof<Line<V>>());
    const used = line.used;
    const index = ctz<u64>(~used);
    const entry: Entry<V> = unchecked(line.entries[index]);
    entry.key = key;
    entry.value = value;
    atomic.store<u64>(ptrTo(line.used), used | (u64(1) << index), Order.release);
    if (!joined) persist(addressOf(line), sizeof<Line<V>>());
  }

  private drop(line: Line<V>, index: u64): void {
    const joined = joinTx(addressOf(line), sizeof<Line<V>>());
    volatileStore<u64>(ptrTo(line.used).address, line.used & ~(u64(1) << index));
    if (!joined) persist(addressOf(line), sizeof<Line<V>>());
  }

  /** Removes a key; false when it is not there. */
  remove(key: u64): bool {
    const place = stack<Place<V>>();
    this.find(key, place);
    const line = place.line;
    if (line === null) return false;
    this.drop(line, place.index);
    if (line.used === 0 && this.buckets > FIRST_BUCKETS) this.shrink();
    return true;
  }

  /** Splits one bucket. What moves is logged in one piece, and the new bucket was free memory. */
  private grow(): void {
    const index = this.buckets;
    const power = powerBelow(index);
    const segment = 62 - clz<u64>(index);
    if (segment >= SEGMENTS) return;
    using tx = Tx.begin();
    if (this.segments[segment] === null) {
      const bytes = power * sizeof<Bucket<V>>();
      this.segments[segment] = at<Bucket<V>>(this.pool!.allocate(tx, bytes));
    }
    const old = this.bucketAt(index - power);
    const made = this.bucketAt(index);
    tx.stage(addressOf(old), sizeof<Bucket<V>>());
    tx.stage(addressOf(made), sizeof<Bucket<V>>());
    tx.stage(ptrTo(this.buckets).address, sizeof<u64>());
    tx.seal();
    memory.fill(addressOf(made), 0, sizeof<Bucket<V>>());
    this.buckets = index + 1;
    this.distribute(tx, old);
  }

  /** Moves the entries of a bucket and its overflow to where they belong now, and frees overflow buckets. */
  private distribute(tx: Tx, old: Bucket<V>): void {
    const rest = old.lines[0].next;
    old.lines[0].next = null;
    for (const line of old.lines) this.moveLine(tx, line, old);
    for (let bucket = rest; bucket !== null; ) {
      const next: Bucket<V> | null = bucket.lines[0].next;
      for (const line of bucket.lines) this.moveLine(tx, line, bucket);
      this.pool!.free(tx, addressOf(bucket), sizeof<Bucket<V>>());
      bucket = next;
    }
  }

  /** Moves the entries of a line that do not belong to the bucket it is in; all of them, if that is an overflow bucket. */
  private moveLine(tx: Tx, line: Line<V>, from: Bucket<V>): void {
    for (let e: u64 = 0; e < LINE_ENTRIES; e++) {
      if (((line.used >> e) & 1) === 0) continue;
      const entry: Entry<V> = line.entries[e];
      const hash = hashOf(entry.key);
      if (this.bucketAt(this.bucketOf(hash)) === from) continue;
      this.fill(this.roomFor(hash), entry.key, entry.value);
      line.used = line.used & ~(u64(1) << e);
    }
  }

  /** Merges the last bucket into the one that it came from, if that has room for all of it. */
  private shrink(): void {
    const last = this.buckets - 1;
    const power = powerBelow(last);
    const from = this.bucketAt(last);
    const into = this.bucketAt(last - power);
    if (from.lines[0].next !== null || into.lines[0].next !== null) return;
    if (entriesOf(from) + entriesOf(into) > BUCKET_ENTRIES) return;
    using tx = Tx.begin();
    tx.stage(addressOf(from), sizeof<Bucket<V>>());
    tx.stage(addressOf(into), sizeof<Bucket<V>>());
    tx.stage(ptrTo(this.buckets).address, sizeof<u64>());
    tx.seal();
    this.buckets = last;
    for (const line of from.lines) this.moveLine(tx, line, from);
    // The last bucket of a segment takes the segment along.
    if (last !== power) return;
    const segment = 62 - clz<u64>(last);
    this.pool!.free(tx, addressOf(this.segments[segment]), power * sizeof<Bucket<V>>());
    this.segments[segment] = null;
  }

  /** Entries, counted one by one. */
  count(): u64 {
    const cursor = stack<HashCursor<V>>();
    let count: u64 = 0;
    for (cursor.first(this); cursor.valid; cursor.next()) count++;
    return count;
  }

  /** Is every entry in the bucket that its key belongs to, and there once? */
  isWhole(): bool {
    const cursor = stack<HashCursor<V>>();
    for (cursor.first(this); cursor.valid; cursor.next()) {
      const place = stack<Place<V>>();
      if (this.bucketOf(hashOf(cursor.key)) !== cursor.bucketIndex) return false;
      this.find(cursor.key, place);
      if (addressOf(place.line) !== addressOf(cursor.line) || place.index !== cursor.entryIndex) return false;
    }
    return true;
  }

  /** The first bucket of chain `index`; for cursors. */
  chain(index: u64): Bucket<V> {
    return this.bucketAt(index);
  }
}

function entriesOf<V>(bucket: Bucket<V>): u64 {
  let count: u64 = 0;
  for (const line of bucket.lines) count += popcnt<u64>(line.used);
  return count;
}

/** Visits all entries, in no order that means anything. The map must not change meanwhile. */
export class HashCursor<V> {
  valid: bool;
  bucketIndex: u64;
  entryIndex: u64;
  private lineIndex: u64;
  private map: HashMap<V>;
  private bucket: Bucket<V>;

  first(map: HashMap<V>): void {
    this.map = map;
    this.bucketIndex = 0;
    this.bucket = map.chain(0);
    this.lineIndex = 0;
    this.entryIndex = 0;
    this.valid = true;
    this.settle();
  }

  next(): void {
    this.entryIndex++;
    this.settle();
  }

  get line(): Line<V> {
    return this.bucket.lines[this.lineIndex];
  }

  get key(): u64 {
    return this.line.entries[this.entryIndex].key;
  }

  get value(): V {
    return this.line.entries[this.entryIndex].value;
  }

  /** Goes on to an entry that counts, if this one does not. */
  private settle(): void {
    for (;;) {
      if (this.entryIndex === LINE_ENTRIES) {
        this.entryIndex = 0;
        this.lineIndex++;
      }
      if (this.lineIndex === LINES) {
        this.lineIndex = 0;
        const next = this.bucket.lines[0].next;
        if (next !== null) this.bucket = next;
        else {
          this.bucketIndex++;
          if (this.bucketIndex >= this.map.bucketCount) {
            this.valid = false;
            return;
          }
          this.bucket = this.map.chain(this.bucketIndex);
        }
      }
      if (((this.line.used >> this.entryIndex) & 1) !== 0) return;
      this.entryIndex++;
    }
  }
}

/** Makes an empty map with its memory from `pool`. */
export function createHashMap<V>(tx: Tx, pool: Pool): HashMap<V> {
  const map = at<HashMap<V>>(pool.allocate(tx, sizeof<HashMap<V>>()));
  map.initialise(tx, pool);
  return map;
}
