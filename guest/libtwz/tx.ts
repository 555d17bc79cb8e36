/**
 * Transactions: all stores to persistent memory between `begin` and the end of the scope happen, or none does, whatever the power
 * does; over any number of objects.
 *
 *   using tx = Tx.begin();
 *   node.left = other;        // the compiler calls tx.record before the store
 *
 * The old contents of every cache block are in an undo log (undo-log.ts) and persistent before the block changes: one fence for each
 * block that is touched first. Commit cleans the blocks, fences, and closes the log with one store. Transactions nest: an inner one that
 * aborts undoes what it did itself, and the outermost one makes it all happen. After a power failure the first program
 * calls `recoverLogs` before any other runs.
 *
 * Each thread has transactions of its own. Two of them at once in one object are the program's mistake, as logs keep whole
 * cache blocks: it needs a lock around them (mutex.ts).
 */

import { LOG_MAX_BLOCKS } from '../abi/log.ts';
import { CACHE_LINE } from '../abi/object.ts';
import { persistFence } from './persist.ts';
import { claimLog, UndoLog } from './undo-log.ts';

/** Transactions within transactions. */
const MAX_DEPTH = 16;
/** Blocks that are known to be in the log: a direct-mapped table. */
const KNOWN = 128;
/** A table entry: bits 63:23 number of the block (address / 64), bits 22:0 the generation in which it was logged. */
const GENERATION_BITS = 23;
const GENERATION_MASK = 0x7f_ffff;

@transaction
export class Tx {
  readonly log: Inline<UndoLog>;
  depth: u64;
  /** Blocks logged in another generation are logged again: a new one begins with every level and abort. */
  private generation: u64;
  /** Lines of the log in use when each level began. */
  private readonly marks: FixedArray<u64, 16>;
  private readonly known: FixedArray<u64, 128>;
  /** Entries were written that no fence has followed yet. */
  private staged: bool;

  /** Has a log for this thread's transactions, so that `begin` finds one. Returns 0 or −Errno: there is no space for it. */
  static claim(): i64 {
    const tx = currentTx();
    return tx.log.base === 0 ? claimLog(tx.log) : 0;
  }

  /**
   * After an attempt (attempt.ts) that was given up: undoes what the calling thread's transaction has done, and ends it, with all levels. The undoing
   * itself can find no space if the transaction was about pages that are shared with a copy: `touch` them before it begins.
   */
  static abandon(): void {
    const tx = currentTx();
    if (tx.depth === 0) return;
    tx.depth = 1;
    tx.abort();
    tx.commit();
  }

  /** Opens a transaction, or one within the open one. */
  static begin(): Tx {
    const tx = currentTx();
    if (Tx.claim() !== 0) panic('no space for a transaction log');
    if (tx.depth === MAX_DEPTH) panic('transactions nest too deeply');
    tx.marks[tx.depth] = tx.log.end;
    tx.depth++;
    tx.newGeneration();
    return tx;
  }

  private newGeneration(): void {
    this.generation = (this.generation + 1) & GENERATION_MASK;
    if (this.generation !== 0) return;
    memory.fill(addressOf(this.known), 0, KNOWN * 8);
    this.generation = 1;
  }

  /** Notes that a block is in the log; false when that was known. */
  private note(block: u64): bool {
    const key = (block << GENERATION_BITS) | this.generation;
    const place = ptrTo(unchecked(this.known[block % KNOWN]));
    if (place[0] === key) return false;
    place[0] = key;
    return true;
  }

  /**
   * Keeps what [address, address + size) holds, but only from `seal` on: several ranges then share a fence.
   * None of them may change in between.
   */
  stage(address: usize, size: usize): void {
    const first = address / CACHE_LINE;
    const end = (address + size - 1) / CACHE_LINE + 1;
    let block = first;
    while (block < end) {
      if (!this.note(block)) {
        block++;
        continue;
      }
      const start = block++;
      while (block < end && block - start < LOG_MAX_BLOCKS && this.note(block)) block++;
      this.log.append(start * CACHE_LINE, block - start, false);
      this.staged = true;
    }
  }

  /** Makes what was staged persistent; from here on it may change. */
  seal(): void {
    if (this.staged) persistFence();
    this.staged = false;
  }

  /** Keeps what [address, address + size) holds, before it is changed. */
  record(address: usize, size: usize): void {
    const first = address / CACHE_LINE;
    if (first === (address + size - 1) / CACHE_LINE) {
      if (this.note(first)) {
        this.log.append(first * CACHE_LINE, 1, false);
        this.staged = true;
      }
    } else this.stage(address, size);
    this.seal();
  }

  /**
   * Says that the whole cache blocks in [address, address + size) were free memory when the transaction began: they are made persistent with it,
   * but what they held is not kept. The rest of the range is recorded.
   */
  fresh(address: usize, size: usize): void {
    const first = (address + CACHE_LINE - 1) / CACHE_LINE;
    const end = (address + size) / CACHE_LINE;
    if (end <= first) {
      this.record(address, size);
      return;
    }
    if (address % CACHE_LINE !== 0) this.record(address, first * CACHE_LINE - address);
    if ((address + size) % CACHE_LINE !== 0) this.record(end * CACHE_LINE, address + size - end * CACHE_LINE);
    for (let block = first; block < end; block += LOG_MAX_BLOCKS)
      this.log.append(block * CACHE_LINE, min<u64>(end - block, LOG_MAX_BLOCKS), true);
    for (let block = first; block < end && block < first + KNOWN; block++) this.note(block);
  }

  /** Undoes everything since this level's `begin`. What the scope does afterwards is done again from there. */
  abort(): void {
    this.log.undo(this.marks[this.depth - 1]);
    this.newGeneration();
  }

  /** Leaves the scope; the outermost one commits. */
  [Symbol.dispose](): void {
    this.commit();
  }

  /** What the end of a `using` scope does, for transactions that begin in one function and end in another. */
  commit(): void {
    this.depth--;
    if (this.depth !== 0 || this.log.end === 0) return;
    this.log.cleanRanges();
    persistFence();
    this.log.close();
  }
}

const firstThread = zeroed<Tx>();

/** The transaction of the calling thread, open or not. Threads made by thread.ts have their own behind the thread pointer. */
export function currentTx(): Tx {
  const own = asm<usize>`mv ${result}, tp`;
  return own === 0 ? firstThread : at<Tx>(own);
}

/**
 * Prepares a block for stores whose order is itself crash consistent: logs it if a transaction is open, so that the change can be
 * undone with the rest, and returns true: the commit makes it persistent. Else returns false: the caller does.
 */
export function joinTx(address: usize, size: usize): bool {
  const tx = currentTx();
  if (tx.depth === 0) return false;
  tx.record(address, size);
  return true;
}
