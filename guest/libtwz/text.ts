/**
 * Strings in persistent memory: UTF-8 bytes that grow, in segments that may lie in several objects (vector.ts). Appending is crash consistent
 * without a log: bytes first, then the length. What changes text that is there already is a transaction, or part of the caller's.
 */
import { Pool } from './pool.ts';
import { Tx } from './tx.ts';
import { Vector } from './vector.ts';

/** Bytes that are moved at a time. */
const CHUNK = 256;

@persistent
export class Text {
  private readonly bytes: Inline<Vector<u8>>;

  /** Makes the text empty, with its memory from `pool`; for texts inside of other structures. */
  initialise(tx: Tx, pool: Pool): void {
    this.bytes.initialise(tx, pool);
  }

  /** Bytes. */
  get length(): u64 {
    return this.bytes.length;
  }

  byteAt(index: u64): u8 {
    return this.bytes.get(index);
  }

  append(text: str): void {
    this.bytes.copyIn(this.length, text.ptr.address, text.length);
  }

  /** Replaces all of the text. */
  assign(text: str): void {
    using tx = Tx.begin();
    if (text.length < this.length) this.bytes.truncate(text.length);
    this.bytes.copyIn(0, text.ptr.address, text.length);
  }

  /** Puts `text` before byte `index`. */
  insert(index: u64, text: str): void {
    const length = this.length;
    if (index > length) panic('text: no such place');
    using tx = Tx.begin();
    this.move(index, index + text.length, length - index);
    this.bytes.copyIn(index, text.ptr.address, text.length);
  }

  /** Removes bytes [index, index + count). */
  erase(index: u64, count: u64): void {
    const length = this.length;
    if (index > length || count > length - index) panic('text: no such bytes');
    using tx = Tx.begin();
    this.move(index + count, index, length - index - count);
    this.bytes.truncate(length - count);
  }

  /** Copies bytes [from, from + count) to `to`, both within what the text is to hold; it grows if `to` is beyond. */
  private move(from: u64, to: u64, count: u64): void {
    const buffer = stack<FixedArray<u8, 256>>();
    if (to > from) {
      // The end first. What lies behind the old end must be there before it is written to.
      const grown = to + count;
      memory.fill(addressOf(buffer), 0, CHUNK);
      while (this.length < grown)
        this.bytes.copyIn(this.length, addressOf(buffer), min<u64>(CHUNK, grown - this.length));
      for (let left = count; left > 0; ) {
        const run = min<u64>(CHUNK, left);
        left -= run;
        this.bytes.copyOut(from + left, addressOf(buffer), run);
        this.bytes.copyIn(to + left, addressOf(buffer), run);
      }
      return;
    }
    for (let done: u64 = 0; done < count; ) {
      const run = min<u64>(CHUNK, count - done);
      this.bytes.copyOut(from + done, addressOf(buffer), run);
      this.bytes.copyIn(to + done, addressOf(buffer), run);
      done += run;
    }
  }

  /** Copies bytes [index, index + count) to `target`. */
  copyTo(index: u64, target: usize, count: u64): void {
    this.bytes.copyOut(index, target, count);
  }

  /** Bytes from `index` on that lie one behind the other; the next call goes on behind them. */
  run(index: u64): str {
    const run = this.bytes.runFrom(index);
    return strOf(run.ptr, run.length);
  }

  /** Order by bytes: negative, zero or positive. */
  compare(other: str): i32 {
    const common = min<u64>(this.length, other.length);
    for (let done: u64 = 0; done < common; ) {
      const run = this.run(done);
      const count = min<u64>(run.length, common - done);
      const order = memory.compare(run.ptr.address, other.ptr.address + done, count);
      if (order !== 0) return order;
      done += count;
    }
    return this.length === other.length ? 0 : this.length < other.length ? -1 : 1;
  }

  equals(other: str): bool {
    return this.length === other.length && this.compare(other) === 0;
  }

  /** Where `part` begins for the first time at or behind `from`; −1: nowhere. */
  indexOf(part: str, from: u64): i64 {
    const length = this.length;
    for (let start = from; start + part.length <= length; start++) {
      let same: u64 = 0;
      while (same < part.length && this.byteAt(start + same) === part[same]) same++;
      if (same === part.length) return i64(start);
    }
    return -1;
  }

  /** Empties the text and gives its memory back. */
  clear(): void {
    this.bytes.truncate(0);
  }
}

/** Makes an empty text with its memory from `pool`. */
export function createText(tx: Tx, pool: Pool): Text {
  const text = at<Text>(pool.allocate(tx, sizeof<Text>()));
  text.initialise(tx, pool);
  return text;
}
