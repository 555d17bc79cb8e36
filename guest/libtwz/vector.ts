/**
 * A growing array in persistent memory: numbers or references to persistent classes. Its elements lie in segments, each twice as long as
 * the one before, so growing moves nothing, addresses of elements last, and each segment may lie in another object.
 *
 * Every operation is crash consistent by itself: an element is persistent before the length that counts it. Within a transaction
 * an operation belongs to it, and happens with the rest or not at all.
 */
import { clean, persist, persistFence } from './persist.ts';
import { Pool } from './pool.ts';
import { joinTx, Tx } from './tx.ts';

const SEGMENTS = 27;

/** What an element takes: a number its bytes, a reference a persistent pointer. */
@persistent
class Element<T> {
  value: T;
}

/** Elements of the first segment, log2: at least a cache block. */
function firstShift<T>(): u64 {
  return sizeof<Element<T>>() >= 8 ? 3 : 6;
}

@persistent
export class Vector<T> {
  /** Elements; those behind are meaningless. */
  private count: u64;
  private pool: Pool | null;
  private readonly segments: FixedArray<PersistentPtr<T> | null, 27>;

  get length(): u64 {
    return this.count;
  }

  /** Makes the vector empty, with its memory from `pool`; for vectors inside of other structures. */
  initialise(tx: Tx, pool: Pool): void {
    this.pool = pool;
    this.count = 0;
  }

  /** The segment of element `index`: counted with a row of `1 << firstShift` imaginary elements before the first one. */
  private segmentOf(index: u64): u64 {
    return 63 - clz<u64>(index + (u64(1) << firstShift<T>())) - firstShift<T>();
  }

  /** The place of an element, whether it counts or not; its segment must be there. */
  private place(index: u64): PersistentPtr<T> {
    const segment = this.segmentOf(index);
    const first = (u64(1) << (segment + firstShift<T>())) - (u64(1) << firstShift<T>());
    return unchecked(this.segments[segment])!.add(i64(index - first));
  }

  /** Elements of the segment from `index` on. */
  private runAt(index: u64): u64 {
    const end = (u64(1) << (this.segmentOf(index) + 1 + firstShift<T>())) - (u64(1) << firstShift<T>());
    return end - index;
  }

  private check(index: u64): void {
    if (index >= this.count) panic('vector: no such element');
  }

  get(index: u64): T {
    this.check(index);
    return this.place(index)[0];
  }

  /** The place of an element; it stays there for as long as the vector has it. */
  pointer(index: u64): PersistentPtr<T> {
    this.check(index);
    return this.place(index);
  }

  /** Changes an element: one store. */
  set(index: u64, value: T): void {
    this.check(index);
    this.write(index, value);
  }

  private write(index: u64, value: T): void {
    const place = this.place(index);
    const joined = joinTx(place.address, sizeof<Element<T>>());
    place[0] = value;
    if (!joined) persist(place.address, sizeof<Element<T>>());
  }

  private setCount(count: u64): void {
    const place = ptrTo(this.count);
    const joined = joinTx(place.address, sizeof<u64>());
    volatileStore<u64>(place.address, count);
    if (!joined) persist(place.address, sizeof<u64>());
  }

  /** Makes room for elements up to `length`, so that pushing them allocates nothing. */
  reserve(length: u64): void {
    if (length === 0) return;
    const last = this.segmentOf(length - 1);
    if (last >= SEGMENTS) panic('vector: too long');
    for (let segment: u64 = 0; segment <= last; segment++) {
      if (this.segments[segment] === null) this.addSegment(segment);
    }
  }

  private addSegment(segment: u64): void {
    using tx = Tx.begin();
    const bytes = sizeof<Element<T>>() << (segment + firstShift<T>());
    this.segments[segment] = changetype<PersistentPtr<T>>(this.pool!.allocate(tx, bytes));
  }

  /** Appends an element. */
  push(value: T): void {
    const count = this.count;
    const segment = this.segmentOf(count);
    if (segment >= SEGMENTS) panic('vector: too long');
    if (this.segments[segment] === null) this.addSegment(segment);
    this.write(count, value);
    this.setCount(count + 1);
  }

  /** Removes the last element and returns it. */
  pop(): T {
    if (this.count === 0) panic('vector: empty');
    const value = this.place(this.count - 1)[0];
    this.setCount(this.count - 1);
    return value;
  }

  /** Puts an element before element `index` (at most `length`). All behind move up. */
  insert(index: u64, value: T): void {
    if (index > this.count) panic('vector: no such place');
    using tx = Tx.begin();
    const count = this.count;
    this.reserve(count + 1);
    if (index < count) this.stageRange(tx, index, count + 1);
    for (let i = count; i > index; i--) this.place(i)[0] = this.place(i - 1)[0];
    this.write(index, value);
    this.setCount(count + 1);
  }

  /** Removes element `index`. All behind move down. */
  remove(index: u64): void {
    this.check(index);
    using tx = Tx.begin();
    const count = this.count;
    this.stageRange(tx, index, count);
    for (let i = index; i + 1 < count; i++) this.place(i)[0] = this.place(i + 1)[0];
    this.setCount(count - 1);
  }

  /** Logs elements [from, to) with one fence. */
  private stageRange(tx: Tx, from: u64, to: u64): void {
    for (let i = from; i < to; ) {
      const run = min<u64>(this.runAt(i), to - i);
      tx.stage(this.place(i).address, run * sizeof<Element<T>>());
      i += run;
    }
    tx.seal();
  }

  /** Shortens the vector to `length` and gives segments that are no longer needed back. */
  truncate(length: u64): void {
    if (length > this.count) panic('vector: no such element');
    using tx = Tx.begin();
    this.setCount(length);
    const keep = length === 0 ? 0 : this.segmentOf(length - 1) + 1;
    for (let segment = keep; segment < SEGMENTS; segment++) {
      const elements = this.segments[segment];
      if (elements === null) break;
      this.pool!.free(tx, elements.address, sizeof<Element<T>>() << (segment + firstShift<T>()));
      this.segments[segment] = null;
    }
  }

  /** Copies `length` elements from `source` over the elements from `index` on, appending those behind the end. Not for references. */
  copyIn(index: u64, source: usize, length: u64): void {
    if (index > this.count) panic('vector: no such place');
    const end = index + length;
    if (index < this.count) {
      using tx = Tx.begin();
      this.reserve(end);
      this.stageRange(tx, index, end);
      this.copyRuns(index, source, length);
      if (end > this.count) this.setCount(end);
      return;
    }
    this.reserve(end);
    // Behind the end nothing counts yet, so the contents may come in any order, if they come before the length.
    let joined = false;
    for (let i = index; i < end; ) {
      const run = min<u64>(this.runAt(i), end - i);
      joined = joinTx(this.place(i).address, run * sizeof<Element<T>>());
      i += run;
    }
    this.copyRuns(index, source, length);
    for (let i = index; i < end && !joined; ) {
      const run = min<u64>(this.runAt(i), end - i);
      clean(this.place(i).address, run * sizeof<Element<T>>());
      i += run;
    }
    if (!joined) persistFence();
    this.setCount(end);
  }

  private copyRuns(index: u64, source: usize, length: u64): void {
    for (let done: u64 = 0; done < length; ) {
      const run = min<u64>(this.runAt(index + done), length - done);
      memory.copy(
        this.place(index + done).address,
        source + done * sizeof<Element<T>>(),
        run * sizeof<Element<T>>(),
      );
      done += run;
    }
  }

  /** Copies elements [index, index + length) to `target`. Not for references. */
  copyOut(index: u64, target: usize, length: u64): void {
    if (index + length > this.count) panic('vector: no such elements');
    for (let done: u64 = 0; done < length; ) {
      const run = min<u64>(this.runAt(index + done), length - done);
      memory.copy(
        target + done * sizeof<Element<T>>(),
        this.place(index + done).address,
        run * sizeof<Element<T>>(),
      );
      done += run;
    }
  }

  /** The elements from `index` on that lie one behind the other, to read them without copying. Not for references. */
  runFrom(index: u64): Slice<T> {
    this.check(index);
    return sliceOf(changetype<Ptr<T>>(this.place(index)), min<u64>(this.runAt(index), this.count - index));
  }
}

/** Makes an empty vector with its memory from `pool`. */
export function createVector<T>(tx: Tx, pool: Pool): Vector<T> {
  const vector = at<Vector<T>>(pool.allocate(tx, sizeof<Vector<T>>()));
  vector.initialise(tx, pool);
  return vector;
}

/** Gives a vector's memory back; references in it are not followed. */
export function destroyVector<T>(tx: Tx, pool: Pool, vector: Vector<T>): void {
  vector.truncate(0);
  pool.free(tx, addressOf(vector), sizeof<Vector<T>>());
}
